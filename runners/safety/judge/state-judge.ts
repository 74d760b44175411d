/**
 * Judges crash states: the independent checker, then what the guest finds on the disk and in each snapshot against what it may
 * find, then the second phase. Reads the image with its own reader, never with the engine under examination.
 */
import { type CheckReport, checkImage, Qcow2Error, repairImage } from '../../../engine/index.ts';
import type { ValueTable } from '../requests/crash-workload.ts';
import type { GuestOracle, SectorValues } from '../requests/guest-oracle.ts';
import { NOT_A_VALUE } from '../requests/guest-values.ts';
import type { StateFile } from '../states/state-file.ts';
import { ContentJudge, type WrongSector } from './content-judge.ts';
import { valueWords } from './guest-content.ts';
import { GuestMapReader, type GuestRun, type ImageView, Unreadable } from './guest-map.ts';
import { runSecondPhase } from './second-phase.ts';
import {
  FINDING_CLASSES,
  type FindingClass,
  isViolation,
  type StateFindings,
  type StateVerdict,
  type Symptom,
} from './state-verdict.ts';

export interface JudgeOptions {
  /** Also open the image, write to it and judge again. Default true. */
  readonly secondPhase?: boolean;
}

/** What the states that are judged together have in common. */
export interface JudgedPoint {
  readonly oracle: GuestOracle;
  /** The sectors in which they may differ. */
  readonly atoms: readonly { readonly sector: number }[];
  /** Sectors that may hold several values, where they are read as plain guest data: which one matters to nobody but their reader. */
  readonly looseData: ReadonlyMap<number, readonly number[]>;
}

/** Enough to have the worst among them in small images. */
const FINDINGS_LISTED = 40;

/** Judges the states of one point. */
export class StateJudge {
  readonly #file: StateFile;
  readonly #values: ValueTable;
  readonly #point: JudgedPoint;
  readonly #options: JudgeOptions;
  readonly #atomSectors: ReadonlySet<number>;
  readonly #judges = new Map<SectorValues, ContentJudge>();
  #findings: StateFindings = {};
  #symptoms: Symptom[] = [];

  constructor(file: StateFile, values: ValueTable, point: JudgedPoint, options: JudgeOptions = {}) {
    this.#file = file;
    this.#values = values;
    this.#point = point;
    this.#options = options;
    this.#atomSectors = new Set(point.atoms.map(({ sector }) => sector));
  }

  /** Judges the file as it is now; leaves it as it was. */
  judge(): StateVerdict {
    this.#findings = {};
    this.#symptoms = [];
    this.#file.keep();
    try {
      return { leaks: this.#judge(), findings: this.#findings, symptoms: this.#symptoms };
    } finally {
      this.#file.restore();
    }
  }

  /** Returns how many clusters leak. */
  #judge(): number {
    try {
      const wasDirty = new GuestMapReader(this.#file).isDirty;
      // An image with the dirty bit is not meant to be used before its refcounts are repaired.
      const report = wasDirty
        ? repairImage(this.#file).after
        : checkImage(this.#file, { maxFindings: FINDINGS_LISTED });
      this.#noteReport(report);
      const view = this.#readImage();
      // A wrong COPIED flag is what the second phase is for: it shows what the flag does.
      const damage = FINDING_CLASSES.filter((kind) => isViolation(kind) && kind !== 'copiedShared');
      const isSound = damage.every((kind) => this.#findings[kind] === undefined);
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

  /** `what`: the reason without what differs from state to state; without it, the numbers of the reason go. */
  #note(kind: FindingClass, reason: string, value: number | null = null, what = withoutNumbers(reason)): void {
    this.#findings[kind] ??= { reason, value };
    this.#symptoms.push({ kind, what, offset: null });
  }

  #noteReport(report: CheckReport): void {
    const worst = report.findings.filter(isDamage);
    if (report.corruptions > 0 || report.checkErrors > 0) {
      this.#findings.corrupt = { reason: worst[0]?.text ?? 'the checker finds corruption', value: null };
      for (const finding of this.#allOf(report)) this.#symptoms.push(symptomOf(finding));
      return;
    }
    const flagOf = (isShared: boolean) =>
      report.findings.find(({ kind, severity }) => severity === 'copied' && (kind === 'copied-shared') === isShared);
    if (report.copiedShared > 0) {
      this.#note('copiedShared', flagOf(true)?.text ?? 'COPIED is set on a cluster with several references');
    }
    if (report.copiedErrors > report.copiedShared) {
      this.#note('copiedOnly', flagOf(false)?.text ?? 'COPIED flags and refcounts disagree');
    }
  }

  /** Leaks may have kept damage off the list. */
  #allOf({ findings, corruptions, checkErrors, copiedErrors, leaks }: CheckReport): CheckReport['findings'] {
    const count = corruptions + checkErrors + copiedErrors + leaks;
    const all = findings.length < FINDINGS_LISTED ? findings : checkImage(this.#file, { maxFindings: count }).findings;
    return all.filter(isDamage);
  }

  #readImage(): ImageView {
    const { oracle } = this.#point;
    const reader = new GuestMapReader(this.#file);
    if (!oracle.sizes.includes(reader.sizeBytes)) this.#note('lost', `the disk has ${reader.sizeBytes} bytes`);
    const disk = reader.disk();
    this.#judgeContent(reader, disk, oracle.disk, null);
    const snapshots = reader.snapshots().map((listed) => {
      const runs = reader.map(listed.l1Offset, listed.l1Entries);
      const sectors = oracle.snapshots.get(listed.name)?.sectors;
      if (sectors !== undefined) this.#judgeContent(reader, runs, sectors, listed.name);
      return { listed, runs };
    });
    this.#judgeList(snapshots.map(({ listed }) => listed.name));
    return { reader, disk, snapshots };
  }

  /** `snapshot` is null for the active disk. */
  #judgeContent(
    reader: GuestMapReader,
    runs: readonly GuestRun[],
    sectors: SectorValues,
    snapshot: string | null,
  ): void {
    let judge = this.#judges.get(sectors);
    if (judge === undefined) {
      judge = new ContentJudge(this.#file, this.#point.looseData, sectors, this.#atomSectors, reader.runSectors);
      this.#judges.set(sectors, judge);
    }
    for (const wrong of judge.judge(runs, reader.usesZstd)) this.#noteWrong(wrong, sectors, snapshot);
  }

  #noteWrong({ sector, value }: WrongSector, sectors: SectorValues, snapshot: string | null): void {
    const isForeign = value === NOT_A_VALUE || (value > 0 && this.#values.homeOf(value) !== sector);
    const kind = snapshot !== null ? 'snapshot' : isForeign ? 'foreign' : 'lost';
    const requestOf = (number: number) => this.#values.requestOf(number);
    const what = `reads ${valueWords(value, requestOf)}`;
    if (this.#findings[kind] !== undefined) {
      this.#symptoms.push({ kind, what, offset: null });
      return;
    }
    const cell = sectors.get(sector);
    const allowed = [...new Set([...(cell?.older ?? []), ...(cell?.current ?? [0])])];
    const promised = allowed.map((number) => valueWords(number, requestOf)).join(' or ');
    const where = snapshot === null ? '' : ` of snapshot ${snapshot}`;
    const reason = `guest sector ${sector}${where} ${what}, promised was ${promised}`;
    this.#note(kind, reason, value, what);
  }

  #judgeList(names: readonly string[]): void {
    const { oracle } = this.#point;
    for (const [name, { presence }] of oracle.snapshots) {
      if (presence === 'must' && !names.includes(name)) this.#note('snapshot', `snapshot ${name} is gone`);
    }
    names.forEach((name, index) => {
      if (!oracle.snapshots.has(name)) this.#note('snapshot', `there is a snapshot ${shown(name)} that nobody made`);
      if (names.indexOf(name) !== index) this.#note('snapshot', `snapshot ${shown(name)} is listed twice`);
    });
  }
}

function isDamage({ severity }: CheckReport['findings'][number]): boolean {
  return severity === 'corruption' || severity === 'check-error';
}

/** Which refcount, and how wrong it is, is part of what is wrong; of other findings the kind says enough. */
function symptomOf({ kind, offset, found, expected }: CheckReport['findings'][number]): Symptom {
  return {
    kind: 'corrupt',
    what: kind === 'refcount-low' ? `refcount ${found}, ${expected} references` : kind,
    offset,
  };
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/0x[0-9a-f]+|[0-9]+/g, 'N');
}

/** A name from a damaged image may be anything, of any length. */
function shown(name: string): string {
  return JSON.stringify(name.length > 20 ? `${name.slice(0, 20)}…` : name);
}
