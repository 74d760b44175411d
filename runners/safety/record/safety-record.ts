/**
 * Everything that `docs/safety.md` says, in parts: each is done alone, on any machine, and its result is plain data. The record is made
 * from the results of all parts in the order of their names' list, whoever did them and when.
 */
import type { z } from 'zod';
import type { FinishedParts } from '../../shards/finished-parts.ts';
import type { BarrierNecessity } from '../explore/barrier-necessity.ts';
import { sumOf, type Tally } from '../explore/tally.ts';
import { runInThreads } from '../explore/thread-pool.ts';
import type { HuntResult } from '../mutants/mutant-hunt.ts';
import { exploreNamedByQemu } from '../qemu/qemu-exploration.ts';
import type { ConfusionMatrix } from '../qemu/qemu-verdicts.ts';
import type { CrashSubject } from '../states/record-workload.ts';
import { barriersOf, explorationsOf, huntsOf, qemuVerdicts } from './jobs.ts';
import { countFindings, type FindingCount, type LeakRepairRow, leakRepairs } from './known-findings.ts';
import {
  BarrierValue,
  FindingCounts,
  HuntValue,
  LeakRepairs,
  MatrixValue,
  PeerValue,
  TallyValue,
} from './part-values.ts';
import { type SafetyPlan, safetySubjects } from './safety-plan.ts';

export interface SafetyRecord {
  readonly subject: CrashSubject;
  readonly tally: Tally;
  /** Only of presets. */
  readonly hunts: readonly HuntResult[];
  readonly barriers: BarrierNecessity;
}

/** What all parts together say. */
export interface SafetyResults {
  readonly records: readonly SafetyRecord[];
  readonly matrix: ConfusionMatrix | null;
  /** The installed QEMU, as a peer; null when it was not asked for. */
  readonly peer: PeerValue | null;
  /** Who has the defects that QEMU shows; with the peer. */
  readonly findings: readonly FindingCount[] | null;
  /** States repaired by qemu-img; with the matrix. */
  readonly leakRepairs: readonly LeakRepairRow[] | null;
}

/** The result of a part that is done, checked where it comes from elsewhere. */
export type ReadPart = <Value>(name: string, schema: z.ZodType<Value>) => Value;

/** Which parts are done now, and how. */
export interface SafetySitting {
  /** What it has is not done again; gets the others. */
  readonly finished: FinishedParts;
  readonly mine: ReadonlySet<string>;
  /** Called for each part; `wasFinished`: before this sitting. */
  readonly onPart: (wasFinished: boolean) => void;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly threads: number;
}

/** Jobs of one kind for the threads of one module. */
interface Chore {
  readonly worker: string;
  readonly names: readonly string[];
  readonly jobs: readonly unknown[];
}

interface SubjectWork {
  readonly subject: CrashSubject;
  readonly explorations: Chore;
  readonly hunts: Chore;
  readonly barriers: Chore;
}

/** Parts that cannot be split: states are compared over all policies, and QEMU is one program. */
const MATRIX = 'states checked by qemu-img too';
const PEER = 'states of the installed QEMU';
const FINDINGS = 'findings about QEMU';
const LEAKS = 'states repaired by qemu-img';

export class SafetyWork {
  readonly plan: SafetyPlan;
  readonly #works: readonly SubjectWork[];
  readonly #whole: readonly string[];

  constructor(plan: SafetyPlan) {
    this.plan = plan;
    this.#works = safetySubjects(plan.policies).map((subject) => workOf(subject, plan));
    const { qemuImg, qemuIo } = plan.tools;
    this.#whole = [...(qemuImg === null ? [] : [MATRIX, LEAKS]), ...(qemuIo === null ? [] : [PEER, FINDINGS])];
  }

  /** The names of all parts. */
  get names(): readonly string[] {
    return [...this.#chores().flatMap(({ names }) => names), ...this.#whole];
  }

  /** Does those parts of `mine` that `finished` does not have, and keeps them there. */
  async run(sitting: SafetySitting): Promise<void> {
    const { finished, mine, onPart, signal } = sitting;
    for (const chore of this.#chores()) await carryOut(chore, sitting);
    for (const name of this.#whole) {
      if (!mine.has(name)) continue;
      const wasFinished = finished.has(name);
      const value = wasFinished || signal.aborted ? null : await this.#wholePart(name, signal);
      // It may be of a part of the work only.
      if (signal.aborted) return;
      if (!wasFinished) finished.keep(name, value);
      onPart(wasFinished);
    }
  }

  /** Of finished work only. */
  results(read: ReadPart): SafetyResults {
    const all = <Value>({ names }: Chore, schema: z.ZodType<Value>) => names.map((name) => read(name, schema));
    const records = this.#works.map(({ subject, explorations, hunts, barriers }) => ({
      subject,
      tally: sumOf(all(explorations, TallyValue)),
      hunts: all(hunts, HuntValue),
      barriers: sumOfBarriers(all(barriers, BarrierValue)),
    }));
    return {
      records,
      matrix: this.#whole.includes(MATRIX) ? new Map(read(MATRIX, MatrixValue)) : null,
      peer: this.#whole.includes(PEER) ? read(PEER, PeerValue) : null,
      findings: this.#whole.includes(FINDINGS) ? read(FINDINGS, FindingCounts) : null,
      leakRepairs: this.#whole.includes(LEAKS) ? read(LEAKS, LeakRepairs) : null,
    };
  }

  #chores(): Chore[] {
    return this.#works.flatMap(({ explorations, hunts, barriers }) => [explorations, hunts, barriers]);
  }

  async #wholePart(name: string, signal: AbortSignal): Promise<unknown> {
    if (name === MATRIX) return [...(await qemuVerdicts(this.plan, signal))];
    if (name === FINDINGS) return countFindings(this.plan, signal);
    if (name === LEAKS) return leakRepairs(this.plan, signal);
    const { tally, leftOut, ...peer } = await exploreNamedByQemu(this.plan.statesPerPoint, signal);
    const named = leftOut.map(({ workload, reason }) => ({ workload: { name: workload.name }, reason }));
    // Recordings are large, and no page shows them.
    const examples = Object.entries(tally.examples).map(([kind, found]) => [kind, { ...found, subject: null }]);
    return { ...peer, tally: { ...tally, examples: Object.fromEntries(examples) }, leftOut: named };
  }
}

function workOf(subject: CrashSubject, plan: SafetyPlan): SubjectWork {
  const chore = (what: string, worker: string, jobs: readonly unknown[]): Chore => ({
    worker,
    names: jobs.map((_, index) => `${what} of ${subject.policy} ${subject.stage ?? ''}, ${index}`),
    jobs,
  });
  // Of stages that are no preset, no mutants: they have the faults that the mutants are modelled on.
  const isHunted = subject.stage === null && plan.mutants !== 'none';
  return {
    subject,
    explorations: chore('states', '../explore/exploration-worker.ts', explorationsOf(subject, plan)),
    hunts: chore('mutants', '../mutants/mutant-worker.ts', isHunted ? huntsOf(subject, plan) : []),
    barriers: chore('barriers', '../explore/barrier-worker.ts', barriersOf(subject, plan)),
  };
}

async function carryOut(
  { worker, names, jobs }: Chore,
  { finished, mine, onPart, signal, threads }: SafetySitting,
): Promise<void> {
  const wanted = [...jobs.keys()].filter((index) => mine.has(names[index]!));
  const open = wanted.filter((index) => !finished.has(names[index]!));
  for (const _ of wanted.slice(open.length)) onPart(true);
  const work = open.map((index) => jobs[index]!);
  await runInThreads<unknown, unknown>(new URL(worker, import.meta.url), work, {
    threads,
    signal,
    onDone: (_, result, place) => {
      // It may be of a part of the work only.
      if (signal.aborted) return;
      finished.keep(names[open[place]!]!, result);
      onPart(false);
    },
  });
}

function sumOfBarriers(all: readonly BarrierNecessity[]): BarrierNecessity {
  const sum = { barriers: 0, loadBearing: 0, guestWrites: 0 };
  for (const one of all) {
    sum.barriers += one.barriers;
    sum.loadBearing += one.loadBearing;
    sum.guestWrites += one.guestWrites;
  }
  return sum;
}
