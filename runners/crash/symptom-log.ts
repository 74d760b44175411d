/**
 * What is wrong with the crash states of one recording, by request and kind, so that two recordings of the same workload can be
 * compared: in which request can the image break, and how?
 *
 * The states between two barriers are judged at the second one, whichever request it falls in. So what a policy shows counts for
 * every request since the barrier before: else a barrier more, which only takes states away, would look like something new.
 */
import type { RecordedEvent, TableKind } from '../../engine/index.ts';
import type { CrashPoint } from './crash-points.ts';
import type { CrashRecording } from './record-workload.ts';
import type { FindingClass, Symptom } from './verdict.ts';

/** One way in which one request can go wrong. */
export interface ShownSymptom {
  readonly kind: FindingClass;
  /** From 0, of the requests before and during the recording. */
  readonly request: number;
  readonly what: string;
  states: number;
}

export class SymptomLog {
  readonly #shown = new Map<string, ShownSymptom>();
  readonly #covered = new Set<string>();
  readonly #clusterBytes: number;
  readonly #barriers: readonly { readonly sequence: number; readonly request: number }[];
  /** By host cluster: what was written to it, and when. */
  readonly #uses = new Map<number, { readonly sequence: number; readonly kind: TableKind | null }[]>();

  constructor({ workload, events }: CrashRecording) {
    this.#clusterBytes = workload.image.clusterSizeBytes;
    this.#barriers = barriersOf(events);
    for (const event of events) if (event.op === 'write') this.#use(event);
  }

  note(symptoms: readonly Symptom[], { request, sequence }: CrashPoint): void {
    const since = this.#barriers.findLast((barrier) => barrier.sequence < sequence - 1)?.request ?? -1;
    for (const whole of new Set(symptoms.map((symptom) => `${symptom.kind} ${this.#words(symptom, sequence)}`))) {
      const kind = whole.slice(0, whole.indexOf(' ')) as FindingClass;
      const what = whole.slice(kind.length + 1);
      const key = keyOf(kind, request, what);
      const shown = this.#shown.get(key);
      if (shown === undefined) this.#shown.set(key, { kind, request, what, states: 1 });
      else shown.states++;
      for (let earlier = since; earlier <= request; earlier++) this.#covered.add(keyOf(kind, earlier, what));
    }
  }

  get shown(): ShownSymptom[] {
    return [...this.#shown.values()];
  }

  /** True when the symptom is possible here too. */
  covers({ kind, request, what }: ShownSymptom): boolean {
    return this.#covered.has(keyOf(kind, request, what));
  }

  /** Says what lies at the offset, rather than which: that differs when a policy allocates in another order. */
  #words({ what, offset }: Symptom, sequence: number): string {
    if (offset === null) return what;
    const uses = this.#uses.get(Math.floor(offset / this.#clusterBytes)) ?? [];
    return `${what} (${uses.findLast((use) => use.sequence < sequence)?.kind ?? 'written before'})`;
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

function barriersOf(events: readonly RecordedEvent[]) {
  const barriers: { sequence: number; request: number }[] = [];
  let request = -1;
  for (const event of events) {
    if (event.op === 'mark' && event.mark.phase === 'start') request = event.mark.request;
    const isBarrier = event.op === 'sync' ? !event.failed : event.op === 'write' && event.durable;
    if (isBarrier) barriers.push({ sequence: event.sequence, request });
  }
  return barriers;
}
