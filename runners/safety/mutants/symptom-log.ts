/**
 * What is wrong with the crash states of one recording, by request and kind, so that two recordings of the same workload can be
 * compared: in which request can the image break, and how?
 *
 * Every request that changes the file ends with a point of its own, so a barrier more or less moves no damage into another request.
 * It may change, though, what lies at a damaged place by then: two symptoms are the same when it may have been the same.
 */
import type { RecordedEvent, TableKind } from '../../../engine/index.ts';
import type { FindingClass, Symptom } from '../judge/state-verdict.ts';
import type { CrashPoint } from '../states/crash-points.ts';
import type { CrashRecording } from '../states/record-workload.ts';

/** One way in which one request can go wrong. */
export interface ShownSymptom {
  readonly kind: FindingClass;
  /** From 0, of the requests before and during the recording. */
  readonly request: number;
  readonly what: string;
  states: number;
  /** The same, with each thing that the place may be at that point: what it was durably, and what has been written there since. */
  readonly alternatives: readonly string[];
}

export class SymptomLog {
  readonly #shown = new Map<string, ShownSymptom>();
  readonly #known = new Set<string>();
  readonly #barriers: readonly number[];
  readonly #clusterBytes: number;
  /** By host cluster: what was written to it, and when. */
  readonly #uses = new Map<number, { readonly sequence: number; readonly kind: TableKind | null }[]>();

  constructor({ workload, events }: CrashRecording) {
    this.#clusterBytes = workload.image.clusterSizeBytes;
    this.#barriers = events.filter(isBarrier).map(({ sequence }) => sequence);
    for (const event of events) if (event.op === 'write') this.#use(event);
  }

  note(symptoms: readonly Symptom[], { request, sequence }: CrashPoint): void {
    const noted = new Set<string>();
    for (const symptom of symptoms) {
      const { kind } = symptom;
      const words = this.#words(symptom, sequence);
      const what = words.at(-1)!;
      const key = keyOf(kind, request, what);
      if (noted.has(key)) continue;
      noted.add(key);
      const alternatives = words.map((word) => keyOf(kind, request, word));
      for (const alternative of alternatives) this.#known.add(alternative);
      const shown = this.#shown.get(key);
      if (shown === undefined) this.#shown.set(key, { kind, request, what, states: 1, alternatives });
      else shown.states++;
    }
  }

  get shown(): ShownSymptom[] {
    return [...this.#shown.values()];
  }

  /** True when the symptom is possible here too. */
  shows({ alternatives }: ShownSymptom): boolean {
    return alternatives.some((alternative) => this.#known.has(alternative));
  }

  /** Says what lies at the offset, rather than which: that differs when a policy allocates in another order. The newest last. */
  #words({ what, offset }: Symptom, sequence: number): string[] {
    if (offset === null) return [what];
    const uses = (this.#uses.get(Math.floor(offset / this.#clusterBytes)) ?? []).filter(
      (use) => use.sequence < sequence,
    );
    const barrier = this.#barriers.findLast((at) => at < sequence - 1) ?? -1;
    const durable = uses.findLast((use) => use.sequence < barrier)?.kind ?? 'written before';
    const kinds = new Set([durable, ...uses.filter((use) => use.sequence > barrier).map(({ kind }) => kind)]);
    return [...kinds].map((kind) => `${what} (${kind})`);
  }

  #use({ offset, bytes, sequence, kind }: RecordedEvent & { op: 'write' }): void {
    const last = Math.floor((offset + bytes.length - 1) / this.#clusterBytes);
    for (let cluster = Math.floor(offset / this.#clusterBytes); cluster <= last; cluster++) {
      const uses = this.#uses.get(cluster);
      if (uses === undefined) this.#uses.set(cluster, [{ sequence, kind }]);
      else if (uses.at(-1)!.kind !== kind) uses.push({ sequence, kind });
    }
  }
}

function keyOf(kind: FindingClass, request: number, what: string): string {
  return `${request} ${kind} ${what}`;
}

function isBarrier(event: RecordedEvent): boolean {
  return event.op === 'sync' ? !event.failed : event.op === 'write' && event.durable;
}
