/** What a run says at its end, on the terminal. */
import { timedRounds } from '../../results/cell-results.ts';
import type { Cell, RunRecord } from '../../results/record.ts';
import { syncWork } from '../../results/sync-work.ts';
import { type CountedCell, comparedCells, countedCells, median, timesMeaningless } from '../reading/cells.ts';
import { imageGroups } from '../reading/image-groups.ts';
import { hasInterval, type PairedTime, pairedTime, WALL_TIME } from '../reading/paired-times.ts';
import { textTable } from './text-table.ts';

/** One row a cell, six columns; a cell without a finished sample has dashes. */
export function summaryTable(record: RunRecord, width?: number): string[] {
  const compared = new Map(comparedCells(record).map((item) => [item.cell.id, item]));
  const baselines = new Set(
    [...compared.values()].map(({ baseline }) => baseline?.label).filter((label) => label !== undefined),
  );
  const against = baselines.size === 1 ? `vs ${[...baselines].join()}` : 'vs baseline';
  const header = ['policy', 'time', against, 'syncs with work', 'MiB', 'power cut'];
  const rows = record.cells.map((cell) => {
    const item = compared.get(cell.id);
    if (item === undefined) return [cell.id, ...header.slice(1).map(() => '-')];
    const { exact } = item;
    return [
      cell.id,
      timeText(median(timedRounds(cell).map(({ wallNs }) => wallNs))),
      againstText(record, item.baseline, cell),
      workText(item),
      (exact.writeBytes / 1024 ** 2).toFixed(1),
      verdictText(cell) ?? crashText(cell),
    ];
  });
  return [...textTable(header, rows, width), ...safetyNotes(record), ...timeWarning(record)];
}

/** The ratio of a noisy time with its interval, that of a modelled one alone. */
function againstText(record: RunRecord, baseline: CountedCell | null, cell: Cell): string {
  if (baseline === null) return 'baseline';
  if (cell.device.kind === 'model' && baseline.cell.device.kind === 'model') {
    return `${(cell.rounds[0]!.wallNs / baseline.cell.rounds[0]!.wallNs).toFixed(2)}x`;
  }
  const time = pairedTime(record, cell, baseline.cell, WALL_TIME);
  return time === null ? '-' : pairedText(time);
}

function pairedText(time: PairedTime): string {
  const { ratio, low, high } = time.interval;
  if (!hasInterval(time)) return `${ratio.toFixed(2)}x ?`;
  return `${ratio.toFixed(2)}x (${low.toFixed(2)}-${high.toFixed(2)})${time.verdict === 'unsure' ? ' ?' : ''}`;
}

/** `267 + 971 O_DSYNC` of 1 260 syncs. */
function workText({ cell, exact }: CountedCell): string {
  const working = String(syncWork(cell)?.working ?? exact.fsyncs);
  return exact.odsyncWrites === 0 ? working : `${working}+${exact.odsyncWrites}d`;
}

/** Of this workload where it was explored, else of whatever was. */
function crashText({ crash, safety }: Cell): string {
  const verdict = (safety?.workload ?? crash)?.verdict;
  if (verdict === undefined) return '-';
  const others = safety?.operations.some((one) => one.verdict === 'violated') || crash?.verdict === 'violated';
  if (verdict === 'violated') return '✗';
  return others ? '✓ / ✗' : '✓';
}

/** What the marks of the last columns mean, and what they rest on: never more than was explored. */
function safetyNotes({ cells }: RunRecord): string[] {
  const notes: string[] = [];
  if (cells.some(({ exact }) => (exact?.odsyncWrites ?? 0) > 0))
    notes.push('+ N d: writes that wait themselves (O_DSYNC)');
  const workload = cells.flatMap(({ safety }) => safety?.workload?.explored ?? [])[0];
  if (workload !== undefined) notes.push(`power cut: ${workload}`);
  const operations = cells.flatMap(({ safety }) => (safety?.operations.length ? [safety.exploredOperations] : []))[0];
  if (operations !== undefined) notes.push(`/ ✗: not during other operations (--verbose): ${operations}`);
  const quick = cells.flatMap(({ crash }) => crash?.explored ?? [])[0];
  if (quick !== undefined) notes.push(`quick: ${quick}`);
  return notes;
}

const REST = ['syncs', 'without work', 'O_DSYNC writes', 'writes', 'per 1000 guest writes', 'p99 flush', 'verified'];

/** The columns that the summary leaves out. */
export function countsTable(record: RunRecord, width?: number): string[] {
  const rows = countedCells(record).map(({ cell, exact }) => [
    cell.id,
    String(exact.fsyncs),
    String(syncWork(cell)?.idle ?? '-'),
    String(exact.odsyncWrites),
    String(exact.writes),
    exact.guest.writes === 0 ? '-' : ((exact.fsyncs / exact.guest.writes) * 1000).toFixed(1),
    cell.histograms.guestFlush === undefined ? '-' : timeText(cell.histograms.guestFlush.p99Ns),
    verdictText(cell) ?? verifiedText(cell),
  ]);
  return rows.length === 0 ? [] : textTable(['counts', ...REST], rows, width);
}

/** A sweep: one matrix a metric, policies by images. */
export function sweepMatrices(record: RunRecord, width?: number): string[] {
  const groups = imageGroups(record);
  const items = groups.map(({ record: part }) => comparedCells(part));
  const policies = [...new Set(items.flatMap((cells) => cells.map(({ label }) => label)))];
  const matrix = (title: string, of: (item: (typeof items)[number][number], part: RunRecord) => string) =>
    textTable(
      [title, ...groups.map(({ label }) => label)],
      policies.map((policy) => [
        policy,
        ...items.map((cells, index) => {
          const item = cells.find(({ label }) => label === policy);
          return item === undefined ? '-' : of(item, groups[index]!.record);
        }),
      ]),
      width,
    );
  const blocks = [
    matrix('time', ({ cell }) => timeText(median(timedRounds(cell).map(({ wallNs }) => wallNs)))),
    matrix('time, against the baseline', ({ cell, baseline }, part) => againstText(part, baseline, cell)),
    matrix('syncs with work', (item) => workText(item)),
    matrix('MiB written', ({ exact }) => (exact.writeBytes / 1024 ** 2).toFixed(1)),
    matrix('power cut', ({ cell }) => verdictText(cell) ?? crashText(cell)),
  ];
  return [...blocks.flatMap((lines, index) => (index > 0 ? ['', ...lines] : lines)), ...safetyNotes(record)];
}

/** Policy by operation, where the record has it. */
export function operationsTable(record: RunRecord, width?: number): string[] {
  const cells = countedCells(record).filter(({ cell }) => (cell.safety?.operations.length ?? 0) > 0);
  const rowsOf = (cell: Cell) =>
    cell.safety!.operations.map((one) => ({
      ...one,
      name: `${one.operation}${one.onSnapshot ? ', on a snapshot' : ''}`,
    }));
  const names = [...new Set(cells.flatMap(({ cell }) => rowsOf(cell).map(({ name }) => name)))];
  if (names.length === 0) return [];
  const header = ['power cut during', ...cells.map(({ label }) => label)];
  const rows = names.map((name) => [
    name,
    ...cells.map(({ cell }) => {
      const found = rowsOf(cell).find((one) => one.name === name);
      return found === undefined ? '-' : found.verdict === 'violated' ? '✗' : '✓';
    }),
  ]);
  return textTable(header, rows, width);
}

/** Why the times of a run are no disk's, one line; empty where they are. */
function timeWarning(record: RunRecord): string[] {
  const reasons = new Set(record.cells.flatMap((cell) => timesMeaningless(record, cell) ?? []));
  return [...reasons].map((reason) => `times: ${reason}`);
}

function timeText(ns: number): string {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  return ns >= 1e6 ? `${(ns / 1e6).toFixed(2)} ms` : `${(ns / 1e3).toFixed(0)} µs`;
}

/** What speaks against a cell; null where nothing does. */
function verdictText({ verification, deterministic }: Cell): string | null {
  if (!deterministic) return 'COUNTS DIFFER';
  if (verification.content === 'different') return 'CONTENT DIFFERS';
  return verification.check === 'corrupt' ? 'IMAGE CORRUPT' : null;
}

function verifiedText({ verification }: Cell): string {
  if (verification.content === 'not-run') return '-';
  return verification.check === 'leaks' ? `yes, ${verification.leaks} leaks` : 'yes';
}

/** Everything that speaks against the results, one line each. */
export function findings(record: RunRecord): string[] {
  return record.cells.flatMap(({ id, deterministic, verification: { content, check, detail, corruptions } }) => {
    const lines: string[] = [];
    if (!deterministic) lines.push(`${id}: two rounds of the same requests counted differently`);
    if (content === 'different') lines.push(`${id}: the guest reads something else than it wrote: ${detail ?? ''}`);
    if (check === 'corrupt') lines.push(`${id}: the image is corrupt, ${corruptions} errors`);
    return lines;
  });
}
