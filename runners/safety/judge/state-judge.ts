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
import { isDamage, StateNotes } from './state-notes.ts';
import { FINDING_CLASSES, isViolation, type StateVerdict } from './state-verdict.ts';

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

  constructor(file: StateFile, values: ValueTable, point: JudgedPoint, options: JudgeOptions = {}) {
    this.#file = file;
    this.#values = values;
    this.#point = point;
    this.#options = options;
    this.#atomSectors = new Set(point.atoms.map(({ sector }) => sector));
  }

  /** Judges the file as it is now; leaves it as it was. */
  judge(): StateVerdict {
    const notes = new StateNotes();
    this.#file.keep();
    try {
      const leaks = this.#judge(notes);
      return { leaks, findings: notes.findings, symptoms: notes.symptoms };
    } finally {
      this.#file.restore();
    }
  }

  /** Returns how many clusters leak. */
  #judge(notes: StateNotes): number {
    try {
      const wasDirty = new GuestMapReader(this.#file).isDirty;
      // An image with the dirty bit is not meant to be used before its refcounts are repaired.
      const report = wasDirty
        ? repairImage(this.#file).after
        : checkImage(this.#file, { maxFindings: FINDINGS_LISTED });
      notes.addReport(report, () => this.#damageOf(report));
      const view = this.#readImage(notes);
      // A wrong COPIED flag is what the second phase is for: it shows what the flag does.
      const damage = FINDING_CLASSES.filter((kind) => isViolation(kind) && kind !== 'copiedShared');
      const isSound = damage.every((kind) => notes.findings[kind] === undefined);
      if (isSound && this.#options.secondPhase !== false) {
        const harm = runSecondPhase(this.#file, view);
        if (harm !== null) notes.add('secondPhase', harm);
      }
      return report.leaks;
    } catch (error) {
      if (!(error instanceof Qcow2Error) && !(error instanceof Unreadable)) throw error;
      notes.add('corrupt', error.message);
      return 0;
    }
  }

  /** Leaks may have kept damage off the list. */
  #damageOf(report: CheckReport): CheckReport['findings'] {
    const { findings, corruptions, checkErrors, copiedErrors, leaks } = report;
    const count = corruptions + checkErrors + copiedErrors + leaks;
    const all = findings.length < FINDINGS_LISTED ? findings : checkImage(this.#file, { maxFindings: count }).findings;
    return all.filter(isDamage);
  }

  #readImage(notes: StateNotes): ImageView {
    const { oracle } = this.#point;
    const reader = new GuestMapReader(this.#file);
    if (!oracle.sizes.includes(reader.sizeBytes)) notes.add('lost', `the disk has ${reader.sizeBytes} bytes`);
    const disk = reader.disk();
    this.#judgeContent(reader, disk, oracle.disk, null, notes);
    const snapshots = reader.snapshots().map((listed) => {
      const runs = reader.map(listed.l1Offset, listed.l1Entries);
      const sectors = oracle.snapshots.get(listed.name)?.sectors;
      if (sectors !== undefined) this.#judgeContent(reader, runs, sectors, listed.name, notes);
      return { listed, runs };
    });
    this.#judgeList(
      snapshots.map(({ listed }) => listed.name),
      notes,
    );
    return { reader, disk, snapshots };
  }

  /** `snapshot` is null for the active disk. */
  #judgeContent(
    reader: GuestMapReader,
    runs: readonly GuestRun[],
    sectors: SectorValues,
    snapshot: string | null,
    notes: StateNotes,
  ): void {
    let judge = this.#judges.get(sectors);
    if (judge === undefined) {
      judge = new ContentJudge(this.#file, this.#point.looseData, sectors, this.#atomSectors, reader.runSectors);
      this.#judges.set(sectors, judge);
    }
    for (const wrong of judge.judge(runs, reader.usesZstd)) this.#noteWrong(wrong, sectors, snapshot, notes);
  }

  #noteWrong({ sector, value }: WrongSector, sectors: SectorValues, snapshot: string | null, notes: StateNotes): void {
    const isForeign = value === NOT_A_VALUE || (value > 0 && this.#values.homeOf(value) !== sector);
    const kind = snapshot !== null ? 'snapshot' : isForeign ? 'foreign' : 'lost';
    const requestOf = (number: number) => this.#values.requestOf(number);
    const what = `reads ${valueWords(value, requestOf)}`;
    // Only the first of a kind is described in full.
    if (notes.findings[kind] !== undefined) {
      notes.addSymptom(kind, what);
      return;
    }
    const cell = sectors.get(sector);
    const allowed = [...new Set([...(cell?.older ?? []), ...(cell?.current ?? [0])])];
    const promised = allowed.map((number) => valueWords(number, requestOf)).join(' or ');
    const where = snapshot === null ? '' : ` of snapshot ${snapshot}`;
    const reason = `guest sector ${sector}${where} ${what}; promised: ${promised}`;
    notes.add(kind, reason, value, what);
  }

  #judgeList(names: readonly string[], notes: StateNotes): void {
    const { oracle } = this.#point;
    for (const [name, { presence }] of oracle.snapshots) {
      if (presence === 'must' && !names.includes(name)) notes.add('snapshot', `snapshot ${name} is gone`);
    }
    names.forEach((name, index) => {
      if (!oracle.snapshots.has(name)) notes.add('snapshot', `there is a snapshot ${shown(name)} that nobody made`);
      if (names.indexOf(name) !== index) notes.add('snapshot', `snapshot ${shown(name)} is listed twice`);
    });
  }
}

/** A name from a damaged image may be anything, of any length. */
function shown(name: string): string {
  return JSON.stringify(name.length > 20 ? `${name.slice(0, 20)}…` : name);
}
