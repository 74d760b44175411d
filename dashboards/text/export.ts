/** Records as flat tables for other programs: one row a cell, counts to the digit, times in nanoseconds. */
import { timedRounds } from '../../results/cell-results.ts';
import { exactMetrics } from '../../results/comparison-exact.ts';
import type { Cell, RunRecord, TimeComparison } from '../../results/record.ts';
import { median } from '../../results/statistics.ts';
import { syncWork } from '../../results/sync-work.ts';
import { workloadParts } from '../../results/workload-parts.ts';
import { adviceSentence } from '../reading/advice.ts';
import { crashWords } from '../reading/crash-words.ts';
import { formatBytes } from '../reading/quantities.ts';
import { workloadsTitle } from '../reading/workload-words.ts';
import { commitsHeadline, countLines } from './comparison-text.ts';

export const EXPORT_FORMATS = ['table', 'json', 'csv', 'markdown', 'comment'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

type Row = Readonly<Record<string, string | number>>;

/** Comma-separated values with a header line; every counter is a column (RFC 4180). */
export function csvText(records: readonly RunRecord[]): string {
  const rows = records.flatMap(workloadParts).flatMap((part) => part.cells.map((cell) => wholeRow(part, cell)));
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (values: readonly (string | number)[]) => `${values.map(csvField).join(',')}\r\n`;
  return line(columns) + rows.map((row) => line(columns.map((column) => row[column] ?? ''))).join('');
}

/** A Markdown table of the columns that people compare. */
export function markdownText(records: readonly RunRecord[]): string {
  const rows = records.flatMap(workloadParts).flatMap((part) => part.cells.map((cell) => shortRow(part, cell)));
  const columns = Object.keys(rows[0] ?? {});
  const line = (values: readonly (string | number)[]) => `| ${values.map(markdownField).join(' | ')} |\n`;
  const rule = `|${columns.map((_, index) => (index < 2 ? ' --- ' : ' ---: ')).join('|')}|\n`;
  return line(columns) + rule + rows.map((row) => line(columns.map((column) => row[column] ?? ''))).join('');
}

function shortRow(record: RunRecord, cell: Cell): Row {
  const { exact } = cell;
  const verdict = record.comparisons?.find(({ candidate }) => candidate === cell.id)?.times[0];
  return {
    workload: [record.workload.name, ...givenParameters(record)].join(' '),
    policy: cell.id,
    syncs: exact?.fsyncs ?? '',
    'O_DSYNC writes': exact?.odsyncWrites ?? '',
    writes: exact?.writes ?? '',
    'syncs with work': syncWork(cell)?.working ?? '',
    written: exact === null ? '' : formatBytes(exact.writeBytes),
    'time, median (ms)': cell.rounds.length === 0 ? '' : (middle(cell, (round) => round.wallNs) / 1e6).toFixed(2),
    'time against baseline': verdict === undefined ? '' : verdictText(verdict),
    'power cut, this workload': cell.safety?.workload == null ? '' : crashWords(cell.safety.workload),
  };
}

/** A ratio that is not settled is none. */
function verdictText({ verdict, interval }: TimeComparison): string {
  return verdict === 'unsure' ? 'not settled' : `${verdict}, ${interval.ratio.toFixed(3)}x`;
}

/** For a comment on a pull request: each run's answer and what it rests on, then the table of all. */
export function commentText(records: readonly RunRecord[]): string {
  const answers = records.map((record) => {
    const { source } = record;
    const commit =
      source.commit === null ? 'no commit' : `${source.commit.slice(0, 12)}${source.dirty ? ', changed' : ''}`;
    const answer = commitsHeadline(record) ?? adviceSentence(record);
    const counts = countLines(record.comparisons ?? []).map((line) => `- ${markdownField(line)}\n`);
    const heading = `### ${markdownField(workloadsTitle(record))} (${commit})\n\n**${markdownField(answer)}**\n`;
    return `${heading}${counts.length > 0 ? `\n${counts.join('')}` : ''}\n`;
  });
  return answers.join('') + markdownText(records);
}

function wholeRow(record: RunRecord, cell: Cell): Row {
  const { workload, source, runId } = record;
  const work = syncWork(cell);
  const verdict = record.comparisons?.find(({ candidate }) => candidate === cell.id)?.times[0];
  return {
    ...{ run: runId, commit: source.commit ?? '', dirty: String(source.dirty) },
    ...{ workload: workload.name, seed: workload.seed, guestFlush: workload.guestFlush, discard: workload.discard },
    ...prefixed('parameter.', workload.parameters),
    ...{ cell: cell.id, engine: cell.engine, policy: cell.policy.name, stage: cell.policy.stage ?? '' },
    ...{ hostCacheMode: cell.hostCacheMode, device: `${cell.device.kind}:${cell.device.name}` },
    ...{ version: cell.image.version ?? '', clusterSizeBytes: cell.image.clusterSizeBytes },
    ...{ l2CacheTables: cell.image.l2CacheTables, refcountCacheTables: cell.image.refcountCacheTables },
    requesters: cell.requesters ?? 1,
    ...{ content: cell.verification.content, check: cell.verification.check, rounds: cell.rounds.length },
    ...(cell.rounds.length > 0 && {
      medianWallNs: middle(cell, (round) => round.wallNs),
      medianCpuNs: middle(cell, (round) => round.userCpuNs + round.systemCpuNs),
    }),
    ...(verdict !== undefined && {
      ...{ verdict: verdict.verdict, ratio: verdict.interval.ratio, ratioLow: verdict.interval.low },
      ...{ ratioHigh: verdict.interval.high, noiseFloor: verdict.floor, pairs: verdict.interval.pairs },
    }),
    ...(cell.rawMultiples !== undefined && {
      ...{ rawFile: cell.rawMultiples.raw, timesRawWall: cell.rawMultiples.wall?.ratio ?? '' },
      ...{ timesRawWaits: cell.rawMultiples.waits ?? '', timesRawBytes: cell.rawMultiples.writeBytes ?? '' },
    }),
    ...(cell.exact === null ? {} : Object.fromEntries(exactMetrics(cell.exact))),
    ...(work !== null && { workingSyncs: work.working, idleSyncs: work.idle }),
  };
}

/** What was asked of the workload, and not left at its default. */
function givenParameters({ workload, command }: RunRecord): string[] {
  return Object.entries(workload.parameters)
    .filter(([name]) => command.some((word) => word.replaceAll('-', '').includes(name.toLowerCase())))
    .map(([name, value]) => `${name}=${value}`);
}

function middle(cell: Cell, of: (round: Cell['rounds'][number]) => number): number {
  return median(timedRounds(cell).map(of));
}

function prefixed(prefix: string, values: Readonly<Record<string, unknown>>): Row {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, String(value)]));
}

/** A field that a spreadsheet would take for a formula begins with a quotation mark of its own. */
function csvField(value: string | number): string {
  const text = typeof value === 'string' && /^[=+@\t]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function markdownField(value: string | number): string {
  return String(value)
    .replaceAll(/[|\\`*_<>[\]]/g, '\\$&')
    .replaceAll(/\s+/g, ' ');
}
