/**
 * Judges one crash state: the independent checker, then what the guest finds on the disk and in each snapshot against what it may
 * find, then the second phase. Reads the image with its own reader, never with the engine under examination.
 */
import { type CheckReport, checkImage, Qcow2Error, repairImage } from '../../engine/index.ts';
import type { CrashPoint } from './crash-points.ts';
import type { ValueTable } from './crash-workload.ts';
import { type GuestContent, readContent, valueWords } from './guest-content.ts';
import { GuestMapReader, type GuestRun, type ListedSnapshot, Unreadable } from './guest-map.ts';
import { allows, type SectorValues } from './guest-oracle.ts';
import { NOT_A_VALUE } from './guest-values.ts';
import { runSecondPhase } from './second-phase.ts';
import type { StateFile } from './state-file.ts';
import { FINDING_CLASSES, type FindingClass, isViolation, type StateFindings, type StateVerdict } from './verdict.ts';

/** An image as the guest finds it. */
export interface ImageView {
  readonly reader: GuestMapReader;
  readonly runs: readonly GuestRun[];
  readonly disk: GuestContent;
  readonly snapshots: readonly {
    readonly listed: ListedSnapshot;
    readonly content: GuestContent;
    readonly runs: readonly GuestRun[];
  }[];
}

export interface JudgeOptions {
  /** Also open the image, write to it and judge again. Default true. */
  readonly secondPhase?: boolean;
}

export class StateJudge {
  readonly #file: StateFile;
  readonly #values: ValueTable;
  readonly #options: JudgeOptions;
  #findings: StateFindings = {};

  constructor(file: StateFile, values: ValueTable, options: JudgeOptions = {}) {
    this.#file = file;
    this.#values = values;
    this.#options = options;
  }

  /** Judges the file as it is now, as an outcome of `point`; leaves it as it was. */
  judge(point: CrashPoint): StateVerdict {
    this.#findings = {};
    this.#file.keep();
    try {
      return { leaks: this.#judge(point), findings: this.#findings };
    } finally {
      this.#file.restore();
    }
  }

  /** Returns how many clusters leak. */
  #judge(point: CrashPoint): number {
    try {
      const wasDirty = new GuestMapReader(this.#file).isDirty;
      // An image with the dirty bit is not meant to be used before its refcounts are repaired.
      const report = wasDirty ? repairImage(this.#file).after : checkImage(this.#file, { maxFindings: 40 });
      this.#noteReport(report);
      const view = this.#readImage(point);
      const isSound = !FINDING_CLASSES.some((kind) => isViolation(kind) && this.#findings[kind] !== undefined);
      if (isSound && this.#options.secondPhase !== false) {
        const harm = runSecondPhase(this.#file, view);
        if (harm !== null) this.#note('secondPhase', harm);
      }
      return report.leaks;
    } catch (error) {
      if (!(error instanceof Qcow2Error) && !(error instanceof Unreadable)) throw error;
      this.#note('corrupt', error.message);
      return 0;
    }
  }

  #note(kind: FindingClass, reason: string, value: number | null = null): void {
    this.#findings[kind] ??= { reason, value };
  }

  #noteReport(report: CheckReport): void {
    const worst = report.findings.find(({ severity }) => severity === 'corruption' || severity === 'check-error');
    if (report.corruptions > 0 || report.checkErrors > 0)
      this.#note('corrupt', worst?.text ?? 'the checker finds corruption');
    else if (report.copiedErrors > 0) {
      const flag = report.findings.find(({ severity }) => severity === 'copied');
      this.#note('copiedOnly', flag?.text ?? 'COPIED flags and refcounts disagree');
    }
  }

  #readImage(point: CrashPoint): ImageView {
    const { oracle } = point;
    const reader = new GuestMapReader(this.#file);
    if (!oracle.sizes.includes(reader.sizeBytes)) this.#note('lost', `the disk has ${reader.sizeBytes} bytes`);
    const runs = reader.disk();
    const disk = this.#readAndJudge(reader, runs, point, oracle.disk, null);
    const snapshots = reader.snapshots().map((listed) => {
      const snapshotRuns = reader.map(listed.l1Offset, listed.l1Entries);
      const sectors = oracle.snapshots.get(listed.name)?.sectors ?? new Map();
      const content = this.#readAndJudge(reader, snapshotRuns, point, sectors, listed.name);
      return { listed, content, runs: snapshotRuns };
    });
    this.#judgeList(
      snapshots.map(({ listed }) => listed.name),
      point,
    );
    return { reader, runs, disk, snapshots };
  }

  /** `snapshot` is null for the active disk. */
  #readAndJudge(
    reader: GuestMapReader,
    runs: readonly GuestRun[],
    point: CrashPoint,
    sectors: SectorValues,
    snapshot: string | null,
  ): GuestContent {
    const onLoose = (sector: number, values: readonly number[]) => {
      for (const value of values) this.#judgeValue(sector, value, sectors, snapshot);
    };
    const content = readContent(this.#file, reader, runs, point.looseData, onLoose);
    for (const [sector, value] of content) this.#judgeValue(sector, value, sectors, snapshot);
    for (const [sector, cell] of sectors) {
      if (!content.has(sector) && !allows(cell, 0)) this.#judgeValue(sector, 0, sectors, snapshot);
    }
    return content;
  }

  #judgeValue(sector: number, value: number, sectors: SectorValues, snapshot: string | null): void {
    const cell = sectors.get(sector);
    if (allows(cell, value)) return;
    const requestOf = (number: number) => this.#values.requestOf(number);
    const allowed = [...new Set([...(cell?.older ?? []), ...(cell?.current ?? [0])])];
    const promised = allowed.map((number) => valueWords(number, requestOf)).join(' or ');
    const where = snapshot === null ? '' : ` of snapshot ${snapshot}`;
    const reason = `guest sector ${sector}${where} reads ${valueWords(value, requestOf)}, promised was ${promised}`;
    if (snapshot !== null) return this.#note('snapshot', reason, value);
    const isForeign = value === NOT_A_VALUE || (value > 0 && this.#values.homeOf(value) !== sector);
    this.#note(isForeign ? 'foreign' : 'lost', reason, value);
  }

  #judgeList(names: readonly string[], { oracle }: CrashPoint): void {
    for (const [name, { presence }] of oracle.snapshots) {
      if (presence === 'must' && !names.includes(name)) this.#note('snapshot', `snapshot ${name} is gone`);
    }
    names.forEach((name, index) => {
      if (!oracle.snapshots.has(name)) this.#note('snapshot', `there is a snapshot ${shown(name)} that nobody made`);
      if (names.indexOf(name) !== index) this.#note('snapshot', `snapshot ${shown(name)} is listed twice`);
    });
  }
}

/** A name from a damaged image may be anything, of any length. */
function shown(name: string): string {
  return JSON.stringify(name.length > 20 ? `${name.slice(0, 20)}…` : name);
}
