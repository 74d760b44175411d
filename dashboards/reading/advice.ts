/**
 * Which policy to use on which storage, derived from one record: the answer that a reader comes for. Nothing is recommended that gave
 * wrong data or did not survive a power cut during this workload; nothing is claimed that the measurements leave open.
 */
import type { Cell, RunRecord } from '../../results/record.ts';
import { imageGroups } from './image-groups.ts';
import { counted } from './quantities.ts';
import { type SlowerThanToday, slowerThanToday } from './slower-than-today.ts';
import { type Against, HERE, type Storage, type Storages, storagesOf } from './storages.ts';

export interface StorageAdvice extends Storage {
  /**
   * best: one policy is faster than every other; tied: several, and no other, cannot matter to anyone; unsure: those in `best` cannot be
   * told apart yet; none: no policy may be recommended.
   */
  readonly outcome: 'best' | 'tied' | 'unsure' | 'none';
  /** Labels, the fastest first. */
  readonly best: readonly string[];
  /** How many times as long `versus` takes as the first of `best`; null where that is not certain. */
  readonly factor: number | null;
  /** The baseline, or where that is the best itself, the next best. */
  readonly versus: string | null;
  /** Estimated rounds until an unsure outcome is settled. */
  readonly moreRounds: number;
}

export interface Advice {
  /** For a headline: no ratio in it. */
  readonly sentence: string;
  readonly storages: readonly StorageAdvice[];
  /** What is not recommended however fast it is. */
  readonly refused: readonly { readonly label: string; readonly reason: string }[];
}

/** With more than this the table of storages is not within two screens of a phone: what else is to be known is said in fewer words. */
const MOST_CHARACTERS = 300;

/** The advice of a run on one image. A sweep has one for each image: see {@link imageAdvice}. */
export function adviceOf(record: RunRecord): Advice {
  const known = storagesOf(record);
  const { storages, cells, against } = known;
  const refused = cells.flatMap(({ label, cell }) => {
    const reason = refusal(cell);
    return reason === null ? [] : [{ label, reason }];
  });
  const allowed = new Set(
    cells.map(({ label }) => label).filter((label) => !refused.some((one) => one.label === label)),
  );
  const judged = storages.map((storage) => judge(storage, allowed, against));
  const labels = cells.map(({ label }) => label);
  const sentence = hasOnlyOthers(record)
    ? 'Only other engines than cowbench were measured: their counts are what can be compared.'
    : sentenceOf(judged, labels, allowed);
  const settled = judged.filter(({ outcome }) => outcome === 'best' || outcome === 'tied');
  const chosen = new Set(settled.flatMap(({ best }) => best));
  const risks = risksOf(cells, chosen, allowed);
  const slower = slowerThanToday(known);
  const first = withRefusals(sentence, judged, refused);
  const whole = `${first}${riskWords(risks)}${slownessWords(slower)}`;
  const short = () => `${first}${shortRiskWords(risks)}${shortSlownessWords(slower)}`;
  return { sentence: whole.length <= MOST_CHARACTERS ? whole : short(), storages: judged, refused };
}

/** Programs of others, all of which may have finished; what is recommended is a policy of our own. */
function hasOnlyOthers({ cells }: RunRecord): boolean {
  return cells.length > 0 && cells.every(({ engine, exact }) => engine !== 'cowbench' && exact !== null);
}

/** One advice an image group, in the record's order; groups that differ in their device alone are one. */
export function imageAdvice(record: RunRecord): ImageAdvice[] {
  const images = new Set(
    record.cells.map(({ image, workload, requesters }) => JSON.stringify([image, workload, requesters])),
  );
  const groups = imageGroups(record);
  if (images.size < 2 || groups.length < 2) return [{ image: '', record, advice: adviceOf(record) }];
  return groups.map(({ label, record: part }) => ({ image: label, record: part, advice: adviceOf(part) }));
}

export interface ImageAdvice {
  /** As of its group; empty for the only one. */
  readonly image: string;
  readonly record: RunRecord;
  readonly advice: Advice;
}

/** One sentence for the whole record. */
export function adviceSentence(record: RunRecord): string {
  const all = imageAdvice(record);
  const [first] = all as [(typeof all)[number], ...typeof all];
  if (all.length === 1) return first.advice.sentence;
  const sentences = [...Map.groupBy(all, ({ advice }) => advice.sentence)];
  const kind = record.furtherWorkloads === undefined ? 'image layouts' : 'workloads and images';
  if (sentences.length === 1) return `On all ${all.length} ${kind}: ${first.advice.sentence}`;
  // That of the first one, which the page shows.
  const [sentence, group] = sentences[0]!;
  const named = group.slice(0, MOST_NAMED).map(({ image }) => image);
  const others = group.length > named.length ? ` and ${group.length - named.length} others` : '';
  return `With ${named.join('; ')}${others}: ${sentence} Other ${kind} differ.`;
}

function refusal({ verification, hostCacheMode, safety, deterministic }: Cell): string | null {
  if (verification.content === 'different') return 'gave the guest wrong data';
  if (verification.check === 'corrupt') return 'left a corrupt image';
  if (!deterministic) return 'did not count the same twice';
  if (safety?.workload?.verdict === 'violated') return 'does not survive a power cut during this workload';
  return hostCacheMode === 'unsafe' ? 'makes nothing durable (host cache mode unsafe)' : null;
}

function judge(storage: Storage, allowed: ReadonlySet<string>, against: Storages['against']): StorageAdvice {
  const times = storage.times
    .filter(({ label }) => allowed.has(label))
    .toSorted((a, b) => slowness(storage, a) - slowness(storage, b));
  const [fastest, ...others] = times;
  const nothing = { factor: null, versus: null, moreRounds: 0 };
  if (fastest === undefined) return { ...storage, outcome: 'none', best: [], ...nothing };
  const verdicts = others.map((other) => ({ label: other.label, ...against(storage, fastest.label, other.label) }));
  const open = verdicts.filter(({ verdict }) => verdict === 'unsure');
  const equal = verdicts.filter(({ verdict }) => verdict === 'same');
  const best = [fastest.label, ...[...open, ...equal].map(({ label }) => label)];
  if (open.length > 0) {
    const moreRounds = Math.max(...open.map((one) => one.moreRounds));
    return { ...storage, outcome: 'unsure', best, ...nothing, moreRounds };
  }
  const versus = versusOf(storage, fastest.label, verdicts);
  const outcome = equal.length > 0 ? 'tied' : 'best';
  return { ...storage, outcome, best, factor: versus?.factor ?? null, versus: versus?.label ?? null, moreRounds: 0 };
}

/** By the paired ratio where there is one: medians of rounds that drifted apart may be in another order. */
function slowness({ times }: Storage, { ns, ratio }: Storage['times'][number]): number {
  return ratio ?? ns / (times.find(({ verdict }) => verdict === 'baseline')?.ns ?? 1);
}

interface Beaten extends Against {
  readonly label: string;
}

/** The baseline, whatever is recommended; the next best where that is the baseline or was not measured here. */
function versusOf({ times }: Storage, fastest: string, verdicts: readonly Beaten[]): Beaten | undefined {
  const baseline = times.find(({ verdict }) => verdict === 'baseline')?.label;
  const beaten = verdicts.filter(({ verdict }) => verdict === 'slower');
  return (baseline === fastest ? undefined : beaten.find(({ label }) => label === baseline)) ?? beaten[0];
}

function sentenceOf(
  storages: readonly StorageAdvice[],
  labels: readonly string[],
  allowed: ReadonlySet<string>,
): string {
  if (labels.length === 0) return 'No policy finished a round: there is nothing to choose between.';
  if (allowed.size === 0) return 'No policy of this run can be recommended.';
  if (labels.length === 1) return `Only ${labels[0]} was measured: there is nothing to choose between.`;
  const settled = storages.filter(({ outcome }) => outcome === 'best' || outcome === 'tied');
  const unsure = storages.filter(({ outcome }) => outcome === 'unsure');
  if (settled.length + unsure.length === 0) return 'No time of this run says which policy is faster.';
  const uses = [...Map.groupBy(settled, ({ best }) => best.toSorted().join())]
    .map(([, group]) => ({ who: listOf(group[0]!.best, 'or'), where: placesOf(group, storages), count: group.length }))
    .toSorted((a, b) => b.count - a.count)
    .map(({ who, where }) => `${who} ${where}`);
  const open = unsure.map((storage) => openClause(storage, allowed)).join('; ');
  if (uses.length === 0) return capitalised(`${open}.`);
  return `Use ${uses.join('; ')}${open === '' ? '' : `; ${open}`}.`;
}

/** `on hard disks, SATA SSDs and network volumes`. */
function placesOf(group: readonly Storage[], all: readonly Storage[]): string {
  if (group.length === all.length && group.length > 1) {
    return group.some(({ id }) => id === HERE)
      ? 'on this disk and on every modelled device'
      : 'on every modelled device';
  }
  return `on ${listOf(
    group.map(({ place }) => place),
    'and',
  )}`;
}

/** What is not told apart yet is a choice all the same, where each of it is faster than the rest. */
function openClause({ best, place, moreRounds, times }: StorageAdvice, allowed: ReadonlySet<string>): string {
  const more = moreRounds > 0 ? `about ${counted(moreRounds, 'more round')}` : 'more rounds';
  if (best.length > MOST_NAMED) return `on ${place} ${more} will tell`;
  const isBeaten = times.some(({ label }) => allowed.has(label) && !best.includes(label));
  if (isBeaten) return `on ${place} ${listOf(best, 'or')} (${more} will tell which)`;
  return `on ${place} ${listOf(best, 'and')} cannot be told apart yet (${more} will tell)`;
}

/** Of what is more than {@link MOST_LISTED}. */
const MOST_NAMED = 3;
/** As many as there are storages. */
const MOST_LISTED = 5;

/** Says why the fastest is not the one to use, where that is so on any storage. */
function withRefusals(sentence: string, storages: readonly StorageAdvice[], refused: Advice['refused']): string {
  const faster = refused.filter(({ label }) =>
    storages.some((storage) => {
      const { times, best } = storage;
      const chosen = times.find((time) => time.label === best[0]);
      const own = times.find((time) => time.label === label);
      return own !== undefined && (chosen === undefined || slowness(storage, own) < slowness(storage, chosen));
    }),
  );
  if (faster.length === 0) return sentence;
  const why = [...Map.groupBy(faster, ({ reason }) => reason)].map(
    ([reason, group]) => `${namesOf(group)}, though faster, ${group.length === 1 ? reason : ofSeveral(reason)}`,
  );
  return `${sentence} ${capitalised(why.join('; '))}.`;
}

/** `does not survive` of one policy is `do not survive` of two. */
function ofSeveral(reason: string): string {
  return reason.replace(/^does\b/, 'do').replace(/^makes\b/, 'make');
}

interface Risks {
  /** Policies that are recommended, and the operations outside this workload that break them. */
  readonly risky: readonly { readonly label: string; readonly broken: readonly string[] }[];
  /** Policies that survive all operations. */
  readonly safe: readonly string[];
}

/**
 * What a policy that is recommended does not survive outside this workload, and who does: a guest makes other requests one day, and
 * its owner takes snapshots.
 */
function risksOf(
  cells: readonly { readonly label: string; readonly cell: Cell }[],
  chosen: ReadonlySet<string>,
  allowed: ReadonlySet<string>,
): Risks {
  const explored = cells.flatMap(({ label, cell: { safety } }) => {
    const operations = safety?.operations ?? [];
    const broken = new Set(operations.flatMap(({ operation, verdict }) => (verdict === 'violated' ? [operation] : [])));
    return operations.length === 0 || !allowed.has(label) ? [] : [{ label, broken: [...broken] }];
  });
  return {
    risky: explored.filter(({ label, broken }) => chosen.has(label) && broken.length > 0),
    safe: explored.filter(({ broken }) => broken.length === 0).map(({ label }) => label),
  };
}

function riskWords({ risky, safe }: Risks): string {
  if (risky.length === 0) return '';
  // Several that the same operations break are one clause.
  const clauses = [...Map.groupBy(risky, ({ broken }) => oneOf(broken))].map(
    ([operations, group]) => `a power cut during ${operations} breaks ${namesOf(group)}`,
  );
  return ` ${capitalised(clauses.join('; '))}${survivors(safe, 'all')}.`;
}

function shortRiskWords({ risky, safe }: Risks): string {
  if (risky.length === 0) return '';
  return ` A power cut outside this workload can break ${namesOf(risky)}${survivors(safe, 'it')}.`;
}

function survivors(safe: readonly string[], what: string): string {
  return safe.length === 0 ? '' : `; ${listOf(safe, 'and')} ${safe.length === 1 ? 'survives' : 'survive'} ${what}`;
}

function slownessWords(slower: readonly SlowerThanToday[]): string {
  return slower
    .map(({ label, than, places }) => ` ${label} is slower than ${than} on ${listOf(places, 'and')}.`)
    .join('');
}

function shortSlownessWords(slower: readonly SlowerThanToday[]): string {
  return [...Map.groupBy(slower, ({ than }) => than)]
    .map(([than, group]) => ` ${namesOf(group)} ${group.length === 1 ? 'is' : 'are'} slower than ${than} on some.`)
    .join('');
}

function namesOf(group: readonly { readonly label: string }[]): string {
  return listOf(
    group.map(({ label }) => label),
    'and',
  );
}

/** `discard`, or `discard or 3 other operations`. */
function oneOf([first, ...others]: readonly string[]): string {
  return others.length === 0 ? first! : `${first} or ${counted(others.length, 'other operation')}`;
}

/** `a, b and c`; of more than {@link MOST_LISTED} storages or policies the first ones, and how many others. */
function listOf(words: readonly string[], last: 'and' | 'or'): string {
  if (words.length < 2) return words.join();
  if (words.length > MOST_LISTED)
    return listOf([...words.slice(0, MOST_NAMED), `${words.length - MOST_NAMED} others`], last);
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
