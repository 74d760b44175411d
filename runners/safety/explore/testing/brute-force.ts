/**
 * Crash states without any pruning, for small recordings: the power fails after every single event; every sector of every write
 * since the last barrier has reached the disk or not, each on its own; the file has every length that it can have. What
 * the explorer finds must be what this finds.
 */
import { type RecordedEvent, SECTOR_BYTES } from '../../../../engine/index.ts';
import { StateJudge } from '../../judge/state-judge.ts';
import { FINDING_CLASSES, type FindingClass } from '../../judge/state-verdict.ts';
import { GuestOracle } from '../../requests/guest-oracle.ts';
import type { CrashRecording } from '../../states/record-workload.ts';
import { StateFile } from '../../states/state-file.ts';

interface SectorWrite {
  readonly sector: number;
  readonly bytes: Uint8Array;
}

/** More undecided sector writes than this at one instant are refused: 2^n states. */
const UNDECIDED_MAX = 14;

export interface BruteForceResult {
  readonly findings: ReadonlySet<FindingClass>;
  readonly states: number;
  readonly maxLeakedClusters: number;
}

export function bruteForce(recording: CrashRecording): BruteForceResult {
  const search = new Search(recording);
  search.run();
  return search;
}

class Search implements BruteForceResult {
  readonly findings = new Set<FindingClass>();
  states = 0;
  maxLeakedClusters = 0;
  readonly #recording: CrashRecording;
  readonly #oracle: GuestOracle;
  #durable: Uint8Array;
  #pending: SectorWrite[] = [];
  /** Sizes since the last barrier, the durable one first. */
  #sizes: number[];

  constructor(recording: CrashRecording) {
    this.#recording = recording;
    this.#durable = recording.base.slice();
    this.#sizes = [recording.base.length];
    this.#oracle = new GuestOracle(recording.values, recording.workload.image.sizeBytes, recording.durableAt);
    recording.workload.before.forEach((_, index) => {
      this.#oracle.start(index);
    });
    this.#oracle.settle();
  }

  run(): void {
    this.#tryAll();
    for (const event of this.#recording.events) {
      this.#step(event);
      this.#tryAll();
    }
  }

  #step(event: RecordedEvent): void {
    if (event.op === 'mark') {
      if (event.mark.phase === 'start') this.#oracle.start(event.mark.request);
      else this.#oracle.acknowledge(event.mark.request);
    } else if (event.op === 'sync') {
      this.#settle();
    } else if (event.op === 'write') {
      this.#split(event.offset, event.bytes);
      this.#tryAll();
      // With O_DSYNC nothing else is pending but what is not covered by it, of which these recordings have none.
      if (event.durable) this.#settle();
    } else if (event.op === 'punch') {
      this.#split(event.offset, new Uint8Array(event.lengthBytes));
    } else if (event.op === 'preallocate') {
      this.#split(event.offset + event.lengthBytes, new Uint8Array(0));
    } else {
      this.#sizes.push(event.sizeBytes);
    }
  }

  #split(offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      this.#pending.push({ sector: (offset + at) / SECTOR_BYTES, bytes: bytes.subarray(at, at + SECTOR_BYTES) });
    }
    this.#sizes.push(Math.max(this.#sizes.at(-1)!, offset + bytes.length));
  }

  #settle(): void {
    this.#durable = this.#applied(() => true).slice(0, this.#sizes.at(-1)!);
    this.#pending = [];
    this.#sizes = this.#sizes.slice(-1);
  }

  #applied(isPersisted: (index: number) => boolean): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(Math.max(...this.#sizes) / SECTOR_BYTES) * SECTOR_BYTES);
    bytes.set(this.#durable);
    this.#pending.forEach((write, index) => {
      if (isPersisted(index)) bytes.set(write.bytes, write.sector * SECTOR_BYTES);
    });
    return bytes;
  }

  #tryAll(): void {
    if (this.#pending.length > UNDECIDED_MAX) throw new Error(`${this.#pending.length} undecided sectors: too many`);
    for (let subset = 0; subset < 2 ** this.#pending.length; subset++) {
      const isPersisted = (index: number) => Math.floor(subset / 2 ** index) % 2 === 1;
      const bytes = this.#applied(isPersisted);
      const persistedEnd = Math.max(
        0,
        ...this.#pending.map(({ sector }, index) => (isPersisted(index) ? (sector + 1) * SECTOR_BYTES : 0)),
      );
      for (const size of new Set(this.#sizes))
        if (size >= persistedEnd || size < this.#sizes[0]!) this.#try(bytes, size);
    }
  }

  #try(bytes: Uint8Array, sizeBytes: number): void {
    const file = new StateFile('brute force', bytes);
    file.setSize(sizeBytes);
    const point = { atoms: [], looseData: new Map(), oracle: this.#oracle };
    const { findings, leaks } = new StateJudge(file, this.#recording.values, point).judge();
    this.states++;
    this.maxLeakedClusters = Math.max(this.maxLeakedClusters, leaks);
    for (const kind of FINDING_CLASSES) if (findings[kind] !== undefined) this.findings.add(kind);
  }
}
