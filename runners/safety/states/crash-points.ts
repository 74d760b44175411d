/**
 * Goes through a recording and stops wherever the power may fail with a new set of outcomes: before each barrier takes effect,
 * and before a promise to the guest changes. At each such point it says which sectors may hold what.
 *
 * Between two barriers every crash is a subset of the last one before the next barrier, so that one is enough.
 */
import { type RecordedEvent, SECTOR_BYTES } from '../../../engine/index.ts';
import { GuestOracle } from '../requests/guest-oracle.ts';
import { NOT_A_VALUE, valueAt } from '../requests/guest-values.ts';
import type { CrashRecording } from './record-workload.ts';
import { choicesOf, newestOf, SectorContents, type SectorState, settleSector } from './sector-versions.ts';
import { StateFile } from './state-file.ts';
import { ContentHash } from './state-hashes.ts';

/** A sector that may hold several contents, of which the judge must see each together with those of all other sectors. */
export interface SectorAtom {
  readonly sector: number;
  /** Numbers of contents, the durable one first. */
  readonly choices: readonly number[];
  /** For each choice the sequences of the events that wrote it; none for the durable one. */
  readonly writtenBy: readonly (readonly number[])[];
}

export interface CrashPoint {
  /** From 0, in the order of the recording. */
  readonly index: number;
  /** The request that was begun last. */
  readonly request: number;
  /** Events before this sequence had happened. */
  readonly sequence: number;
  readonly atoms: readonly SectorAtom[];
  /** Sectors that may hold several values, where they are read as plain guest data: which one matters to nobody but their reader. */
  readonly looseData: ReadonlyMap<number, readonly number[]>;
  /** File sizes: durable, then every size since, in order. Equal neighbours are left out. */
  readonly sizes: readonly number[];
  readonly oracle: GuestOracle;
}

export interface TimelineOptions {
  /** Guest data too is enumerated, not treated as a set per sector: to test that the two agree. */
  readonly enumerateData?: boolean;
  /** What the guest may find; drawn from the workload's requests when absent. */
  readonly oracle?: GuestOracle;
}

export class CrashTimeline {
  /** Between points: what is durable, and the newest of plain guest data. */
  readonly file: StateFile;
  readonly contents = new SectorContents();
  /** Of the metadata in {@link file}. */
  readonly durableHash = new ContentHash();
  readonly recording: CrashRecording;
  readonly oracle: GuestOracle;
  readonly #exact: ReadonlySet<number>;
  readonly #enumerateData: boolean;
  readonly #pending = new Map<number, SectorState>();
  readonly #valueOfContent = new Map<number, number>();
  #sizes: number[];
  #request = -1;
  #changed = true;
  #pointCount = 0;

  constructor(recording: CrashRecording, options: TimelineOptions = {}) {
    this.recording = recording;
    this.file = new StateFile(recording.workload.name, recording.base);
    this.oracle = options.oracle ?? oracleAtStart(recording);
    this.#sizes = [recording.base.length];
    this.#enumerateData = options.enumerateData ?? false;
    this.#exact = exactSectors(recording);
  }

  /** The points, each valid until the next is asked for; {@link file} must then be as it was. */
  *points(): Generator<CrashPoint> {
    const { events } = this.recording;
    for (const event of events) {
      yield* this.#step(event);
    }
    if (this.#changed) yield this.#point(events.length);
  }

  *#step(event: RecordedEvent): Generator<CrashPoint> {
    switch (event.op) {
      case 'write':
        this.#write(event.offset, event.bytes, event.sequence, event.failed);
        if (!event.durable) return;
        yield this.#point(event.sequence + 1);
        return this.#settleRange(event.offset, event.bytes.length);
      case 'punch':
        return this.#write(event.offset, new Uint8Array(event.lengthBytes), event.sequence, event.failed);
      case 'preallocate':
        return this.#preallocate(event.offset + event.lengthBytes, event.failed);
      case 'truncate':
        return this.#resize(event.sizeBytes, event.sequence);
      case 'sync':
        if (this.#changed) yield this.#point(event.sequence);
        return this.#finishSync(event.failed);
      case 'mark':
        if (event.mark.phase === 'start') {
          this.#request = event.mark.request;
          return this.oracle.start(event.mark.request);
        }
        if (this.#changed && this.#pending.size > 0) yield this.#point(event.sequence);
        return this.#finishRequest(event.mark.request, event.mark.phase === 'failed');
    }
  }

  #finishRequest(request: number, failed: boolean): void {
    const { version } = this.oracle;
    if (failed) this.oracle.fail(request);
    else this.oracle.acknowledge(request);
    if (this.oracle.version !== version) this.#changed = true;
  }

  /** Splits a write into sectors; one that covers part of a sector is merged with the newest content. */
  #write(offset: number, bytes: Uint8Array, sequence: number, stuck: boolean): void {
    const end = offset + bytes.length;
    for (let sector = Math.floor(offset / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      const start = sector * SECTOR_BYTES;
      const state = this.#stateOf(sector);
      let content = bytes.subarray(start - offset, start - offset + SECTOR_BYTES);
      if (start < offset || start + SECTOR_BYTES > end) {
        content = this.contents.bytesOf(newestOf(state)).slice();
        content.set(bytes.subarray(Math.max(0, start - offset), end - start), Math.max(0, offset - start));
      }
      state.pending.push({ content: this.contents.numberOf(content), sequence, stuck });
      if (this.#isLoose(sector)) this.file.putSector(sector, this.contents.bytesOf(newestOf(state)));
    }
    this.#sizes.push(Math.max(this.#sizes.at(-1)!, end));
    this.#changed = true;
  }

  #resize(sizeBytes: number, sequence: number): void {
    const before = this.#sizes.at(-1)!;
    if (sizeBytes < before) this.#write(sizeBytes, new Uint8Array(before - sizeBytes), sequence, false);
    this.#sizes.push(sizeBytes);
    this.#changed = true;
  }

  /** What was taken holds what it held; only the size is undecided. One that failed may have taken a part, and goes no further. */
  #preallocate(endBytes: number, failed: boolean): void {
    const before = this.#sizes.at(-1)!;
    if (endBytes <= before) return;
    this.#sizes.push(endBytes);
    if (failed) this.#sizes.push(before);
    this.#changed = true;
  }

  #settleRange(offset: number, lengthBytes: number): void {
    for (let start = offset; start < offset + lengthBytes; start += SECTOR_BYTES) {
      this.#settle(Math.floor(start / SECTOR_BYTES));
    }
    this.#sizes[0] = Math.max(this.#sizes[0]!, Math.min(offset + lengthBytes, this.#sizes.at(-1)!));
    if (this.#pending.size === 0) this.#sizes = this.#sizes.slice(-1);
    this.file.setSize(this.#sizes[0]!);
  }

  #settle(sector: number): void {
    const state = this.#pending.get(sector);
    if (state === undefined) return;
    const before = state.durable;
    settleSector(state);
    if (!this.#isLoose(sector)) {
      this.file.putSector(sector, this.contents.bytesOf(state.durable));
      this.durableHash.replace(sector, before, state.durable);
    }
    if (state.pending.length === 0) this.#pending.delete(sector);
  }

  #finishSync(failed: boolean): void {
    if (failed) {
      for (const state of this.#pending.values()) for (const version of state.pending) version.stuck = true;
      return;
    }
    if (this.#pending.size > 0 || this.#sizes.length > 1) this.#changed = true;
    for (const sector of [...this.#pending.keys()]) this.#settle(sector);
    this.#sizes = this.#sizes.slice(-1);
    this.file.setSize(this.#sizes[0]!);
  }

  #stateOf(sector: number): SectorState {
    let state = this.#pending.get(sector);
    if (state === undefined) {
      const start = sector * SECTOR_BYTES;
      const content = new Uint8Array(SECTOR_BYTES);
      this.file.read(start, content, 'data');
      state = { durable: this.contents.numberOf(content), pending: [] };
      this.#pending.set(sector, state);
    }
    return state;
  }

  #isLoose(sector: number): boolean {
    return !this.#enumerateData && !this.#exact.has(sector);
  }

  #point(sequence: number): CrashPoint {
    this.#changed = false;
    const atoms: SectorAtom[] = [];
    const looseData = new Map<number, readonly number[]>();
    for (const [sector, state] of this.#pending) {
      const choices = choicesOf(state);
      if (choices.length === 1) continue;
      // Where a sector that may be part of a table is read as data, it too may hold whatever it may hold.
      if (!this.#enumerateData) looseData.set(sector, [...new Set(choices.map((content) => this.#valueOf(content)))]);
      if (!this.#isLoose(sector))
        atoms.push({ sector, choices, writtenBy: choices.map((choice) => writersOf(state, choice)) });
    }
    const sizes = this.#sizes.filter((size, index) => index === 0 || size !== this.#sizes[index - 1]);
    const { oracle } = this;
    return { index: this.#pointCount++, request: this.#request, sequence, atoms, looseData, sizes, oracle };
  }

  #valueOf(content: number): number {
    let value = this.#valueOfContent.get(content);
    if (value === undefined) {
      const bytes = this.contents.bytesOf(content);
      value = valueAt(new Uint32Array(bytes.slice().buffer), 0);
      this.#valueOfContent.set(content, value);
    }
    return value;
  }
}

/** What the guest may find when the recording begins: exactly what was done before. */
function oracleAtStart({ values, workload, durableAt }: CrashRecording): GuestOracle {
  const oracle = new GuestOracle(values, workload.image.sizeBytes, durableAt);
  workload.before.forEach((_, index) => {
    oracle.start(index);
  });
  oracle.settle();
  return oracle;
}

function writersOf(state: SectorState, content: number): number[] {
  return state.pending.filter((version) => version.content === content).map(({ sequence }) => sequence);
}

/** Sectors that ever hold anything but plain guest data: tables, and streams of compressed clusters. */
function exactSectors({ events, values }: CrashRecording): Set<number> {
  const exact = new Set<number>();
  let isCompressing = false;
  for (const event of events) {
    if (event.op === 'mark') isCompressing = values.requests[event.mark.request]!.op === 'write-compressed';
    if (event.op !== 'write') continue;
    const isData = event.kind === 'data' || event.kind === 'cow';
    for (let at = 0; at < event.bytes.length; at += SECTOR_BYTES) {
      const plain =
        event.kind === null ? isGuestContent(event.bytes.slice(at, at + SECTOR_BYTES)) : isData && !isCompressing;
      if (!plain) exact.add(Math.floor((event.offset + at) / SECTOR_BYTES));
    }
  }
  return exact;
}

/** In a log that names no kinds: zeros may be part of a table, so only what carries a value counts. */
function isGuestContent(sector: Uint8Array): boolean {
  if (sector.length < SECTOR_BYTES) return false;
  const value = valueAt(new Uint32Array(sector.buffer), 0);
  return value !== NOT_A_VALUE && value !== 0;
}
