/**
 * What each policy takes on each storage that a record knows: on the disk under its images, as measured, and on modelled devices. Modelled
 * times are exact, so two of them have a ratio and need no interval; measured ones are compared by pairs of rounds.
 */
import { timedRounds } from '../../results/cell-results.ts';
import { comparePaired, DEFAULT_LEAST_EFFECT, PAIRS_MIN } from '../../results/comparison.ts';
import type { Cell, RunRecord } from '../../results/record.ts';
import { type CountedCell, comparedCells, median, timesMeaningless } from './cells.ts';
import { type PairedTime, pairedTime, WALL_TIME } from './paired-times.ts';

/** The id of the storage that the run was measured on. */
export const HERE = 'here';

export interface PolicyTime {
  readonly label: string;
  /** The median of the counted rounds, or the modelled time. */
  readonly ns: number;
  /** As a multiple of the baseline's; null where the record has no such comparison. */
  readonly ratio: number | null;
  readonly verdict: 'baseline' | 'faster' | 'slower' | 'same' | 'unsure';
  /** Of a measured time: what `verdict` rests on. */
  readonly paired: PairedTime | null;
}

export interface Storage {
  /** {@link HERE}, or the name of a modelled device. */
  readonly id: string;
  readonly isModel: boolean;
  /** As a heading: `this disk (ext4)`. */
  readonly title: string;
  /** In a sentence, after "on". */
  readonly place: string;
  /** In the record's order; policies without a time are left out. */
  readonly times: readonly PolicyTime[];
}

const DEVICE_WORDS: Readonly<Record<string, readonly [title: string, place: string]>> = {
  'hdd-7200': ['7200 rpm disk', 'hard disks'],
  'sata-ssd-no-plp': ['SATA SSD, no PLP', 'SATA SSDs'],
  'network-block': ['network volume', 'network volumes'],
  'nvme-plp': ['NVMe with PLP', 'NVMe with power-loss protection'],
};

/** A cell of each policy: a run over several devices has the same policy on each, with the same modelled times. */
interface Candidate extends CountedCell {
  readonly real: Cell | null;
  readonly modelledNs: Readonly<Record<string, number>>;
}

/** How one policy does against a faster one. */
export interface Against {
  readonly verdict: 'slower' | 'same' | 'unsure';
  /** How many times as long it takes. */
  readonly factor: number;
  /** Estimated rounds until an unsure verdict is settled. */
  readonly moreRounds: number;
}

export interface Storages {
  /** Those with a time, the measured one first. */
  readonly storages: readonly Storage[];
  /** A cell of each policy, in the record's order. */
  readonly cells: readonly { readonly label: string; readonly cell: Cell }[];
  /** The policy labelled `slow` against the one labelled `fast`; both have a time on `storage`. */
  readonly against: (storage: Storage, fast: string, slow: string) => Against;
}

/** Cells of one image only: those of a sweep are asked about one by one. */
export function storagesOf(record: RunRecord): Storages {
  const candidates = candidatesOf(record);
  const baseline = baselineOf(record, candidates);
  const devices = [...new Set(candidates.flatMap(({ modelledNs }) => Object.keys(modelledNs)))];
  const storages = [
    measured(record, candidates, baseline),
    ...devices.map((name) => modelled(name, candidates, baseline)),
  ].filter(({ times }) => times.length > 0);
  const against = (storage: Storage, fast: string, slow: string): Against => {
    if (storage.isModel) return exactAgainst(storage, fast, slow);
    const [one, other] = [fast, slow].map((name) => candidates.find(({ label }) => label === name)!.real!);
    return measuredAgainst(betweenCells(record, one!, other!));
  };
  return { storages, cells: candidates, against };
}

function exactAgainst({ times }: Storage, fast: string, slow: string): Against {
  const nsOf = (name: string) => times.find(({ label }) => label === name)!.ns;
  const factor = nsOf(slow) / nsOf(fast);
  return { verdict: factor > 1 + DEFAULT_LEAST_EFFECT ? 'slower' : 'same', factor, moreRounds: 0 };
}

function measuredAgainst(paired: PairedTime | null): Against {
  if (paired === null) return { verdict: 'unsure', factor: 1, moreRounds: PAIRS_MIN };
  const { verdict, direction, interval, morePairs } = paired;
  const factor = interval.ratio;
  if (verdict === 'same') return { verdict, factor, moreRounds: 0 };
  const isSlower = verdict === 'changed' && direction === 'higher';
  return { verdict: isSlower ? 'slower' : 'unsure', factor, moreRounds: morePairs };
}

/** `other` over `base`: as the run recorded it, either way round, or from the rounds that both share. */
function betweenCells(record: RunRecord, base: Cell, other: Cell): PairedTime | null {
  const isRecorded = (from: Cell, to: Cell) =>
    record.comparisons?.some(({ baseline, candidate }) => baseline === from.id && candidate === to.id) ?? false;
  if (isRecorded(other, base)) return inverse(pairedTime(record, base, other, WALL_TIME));
  const own = pairedTime(record, other, base, WALL_TIME);
  const controlled = record.cells.find(({ control }) => control !== undefined && control.length > 0);
  if (isRecorded(base, other) || controlled === undefined || controlled === base) return own;
  return withNoiseOf(controlled, base, other) ?? own;
}

/** The noise of a run is that of its one control, whichever two cells are compared. */
function withNoiseOf(controlled: Cell, base: Cell, other: Cell): PairedTime | null {
  const timesOf = (rounds: Cell['rounds']) => new Map(rounds.map(({ index, wallNs }) => [index, wallNs]));
  const ours = timesOf(timedRounds(base));
  const theirs = timesOf(timedRounds(other));
  const first = timesOf(timedRounds(controlled));
  const again = timesOf(controlled.control!);
  const common = [...ours.keys()].filter((index) => [theirs, first, again].every((times) => times.has(index)));
  if (common.length === 0) return null;
  return comparePaired(
    {
      baseline: common.map((index) => ours.get(index)!),
      candidate: common.map((index) => theirs.get(index)!),
      control: common.map((index) => (ours.get(index)! * again.get(index)!) / first.get(index)!),
    },
    { ending: 'looks' },
  );
}

function inverse(paired: PairedTime | null): PairedTime | null {
  if (paired === null) return null;
  const { interval, direction } = paired;
  return {
    ...paired,
    direction: direction === 'neither' ? direction : direction === 'higher' ? 'lower' : 'higher',
    interval: { ...interval, ratio: 1 / interval.ratio, low: 1 / interval.high, high: 1 / interval.low },
  };
}

function candidatesOf(record: RunRecord): Candidate[] {
  const items = comparedCells(record).filter(({ cell }) => cell.engine === 'cowbench');
  const same = ({ cell }: CountedCell) =>
    JSON.stringify([cell.policy.name, cell.policy.stage, cell.policy.parameters, cell.hostCacheMode, cell.workload]);
  const labels = new Set(items.map(({ cell }) => cell.policy.name));
  const groups = [...Map.groupBy(items, same).values()];
  return groups.map((group) => {
    const first = group[0]!;
    const real = group.find(({ cell }) => timesMeaningless(record, cell) === null)?.cell ?? null;
    // With one cell a policy on several devices, the policy's name alone is unique.
    const label = groups.length === labels.size ? first.cell.policy.name : first.label;
    return { ...first, label, real, modelledNs: modelledTimes(group) };
  });
}

function modelledTimes(group: readonly CountedCell[]): Record<string, number> {
  const priced = group.find(({ cell }) => cell.modelledNs !== undefined)?.cell.modelledNs ?? {};
  const replayed = group.flatMap(({ cell: { device, rounds } }) =>
    device.kind === 'model' && rounds.length > 0 ? [[device.name, rounds[0]!.wallNs] as const] : [],
  );
  return { ...Object.fromEntries(replayed), ...priced };
}

function baselineOf(record: RunRecord, candidates: readonly Candidate[]): Candidate | null {
  const named = new Set(comparedCells(record).flatMap(({ baseline }) => baseline?.cell.id ?? []));
  return (
    candidates.find(({ cell, real }) => named.has(cell.id) || (real !== null && named.has(real.id))) ??
    candidates.find(({ cell }) => cell.policy.name === 'legacy') ??
    candidates[0] ??
    null
  );
}

function measured(record: RunRecord, candidates: readonly Candidate[], baseline: Candidate | null): Storage {
  const times = candidates.flatMap((candidate): PolicyTime[] => {
    const { label, real } = candidate;
    const rounds = real === null ? [] : timedRounds(real);
    if (real === null || rounds.length === 0) return [];
    const ns = median(rounds.map(({ wallNs }) => wallNs));
    if (candidate === baseline) return [{ label, ns, ratio: 1, verdict: 'baseline', paired: null }];
    const paired = baseline?.real == null ? null : pairedTime(record, real, baseline.real, WALL_TIME);
    return [{ label, ns, ratio: paired?.interval.ratio ?? null, verdict: pairedWord(paired), paired }];
  });
  const { type } = record.environment.fileSystem;
  return { id: HERE, isModel: false, title: `this disk (${type})`, place: 'this disk', times };
}

function pairedWord(paired: PairedTime | null): PolicyTime['verdict'] {
  if (paired?.verdict === 'same') return 'same';
  if (paired?.verdict !== 'changed') return 'unsure';
  return paired.direction === 'higher' ? 'slower' : 'faster';
}

function modelled(id: string, candidates: readonly Candidate[], baseline: Candidate | null): Storage {
  const base = baseline?.modelledNs[id];
  const times = candidates.flatMap((candidate): PolicyTime[] => {
    const ns = candidate.modelledNs[id];
    if (ns === undefined) return [];
    const ratio = base === undefined || base === 0 ? null : ns / base;
    const verdict = candidate === baseline ? 'baseline' : exactWord(ratio);
    return [{ label: candidate.label, ns, ratio, verdict, paired: null }];
  });
  const [title, place] = DEVICE_WORDS[id] ?? [id, id];
  return { id, isModel: true, title, place, times };
}

function exactWord(ratio: number | null): PolicyTime['verdict'] {
  if (ratio === null) return 'unsure';
  if (ratio > 1 + DEFAULT_LEAST_EFFECT) return 'slower';
  return ratio < 1 / (1 + DEFAULT_LEAST_EFFECT) ? 'faster' : 'same';
}
