/** What a bench prints at its end, and the report that it writes. */

import { adviceSentence } from '../../../dashboards/reading/advice.ts';
import { isSweep } from '../../../dashboards/reading/image-groups.ts';
import { storageLines } from '../../../dashboards/text/advice-text.ts';
import { commitsHeadline, countLines, verdictLines } from '../../../dashboards/text/comparison-text.ts';
import { costLines } from '../../../dashboards/text/cost-text.ts';
import {
  commentText,
  csvText,
  EXPORT_FORMATS,
  type ExportFormat,
  markdownText,
} from '../../../dashboards/text/export.ts';
import { oneByOneLines } from '../../../dashboards/text/one-by-one-text.ts';
import { protocolLines } from '../../../dashboards/text/protocol-text.ts';
import { rawLines } from '../../../dashboards/text/raw-text.ts';
import { requesterLines } from '../../../dashboards/text/requesters-text.ts';
import { countsTable, operationsTable, summaryTable, sweepMatrices } from '../../../dashboards/text/summary.ts';
import type { RunRecord } from '../../../results/record.ts';
import { writeWhole } from '../../../results/store.ts';
import { wrapped } from '../../console/columns.ts';
import { UsageError } from '../../console/errors.ts';
import { type OptionText, single } from '../../console/option-values.ts';
import { coloured, fileLink, type Terminal } from '../../console/terminal.ts';
import { knownCommits } from '../../machine/commit-facts.ts';
import type { BenchOptions } from '../plan/bench-options.ts';
import { newestRuns } from './earlier-runs.ts';
import type { BenchOutcome } from './run-bench.ts';

/** Writes the report next to the record, unless nothing was measured; gives its path. */
export async function writeReport({ record, recordFile }: BenchOutcome): Promise<string | null> {
  if (!isMeasured(record)) return null;
  // Loaded only now: charts need large libraries, and most commands need no charts.
  const { renderReport } = await import('../../../dashboards/index.ts');
  const reportFile = recordFile.replace(/\.json$/, '.html');
  writeWhole(
    reportFile,
    await (commitsHeadline(record) === null ? renderReport(record) : comparisonPage(record, recordFile)),
  );
  return reportFile;
}

async function comparisonPage(record: RunRecord, recordFile: string): Promise<string> {
  const { renderReport } = await import('../../../dashboards/index.ts');
  return renderReport(record, knownCommits(), [...newestRuns(recordFile)]);
}

export interface Presentation {
  readonly terminal: Terminal;
  /** Every table, not only the first six columns. */
  readonly verbose: boolean;
}

/** The lines about one run, none wider than the terminal: what to use, what it costs, and where the files are. */
export async function tableLines(
  { record, recordFile }: BenchOutcome,
  reportFile: string | null,
  { terminal, verbose }: Presentation,
): Promise<string[]> {
  const { flushWorlds } = await import('../../../dashboards/index.ts');
  const { width } = terminal;
  const prose = (text: string) => wrapped(text, width);
  const sweep = isSweep(record);
  const blocks = [
    sweep ? sweepMatrices(record, width) : summaryTable(record, width),
    sweep && !verbose ? [] : storageLines(record, width),
    requesterLines(record, width),
    oneByOneLines(record),
    rawLines(record, width),
    protocolLines(record),
    countLines(record.comparisons ?? []),
  ];
  if (verbose) {
    blocks.push(countsTable(record, width), operationsTable(record, width));
    blocks.push(verdictLines(record, width), costLines(record, width));
  }
  const commits = commitsHeadline(record);
  if (commits !== null) blocks.push(prose(commits));
  else if (isMeasured(record)) blocks.push(prose(adviceSentence(record)), flushWorlds(record).flatMap(prose));
  const files = [`record: ${fileLink(recordFile, terminal)}`];
  if (reportFile !== null) files.push(`report: ${fileLink(reportFile, terminal)}`);
  return [...blocks, files]
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index > 0 ? ['', ...lines] : lines))
    .flatMap((line) => (line.length > width && !line.startsWith('re') ? prose(line) : [line]))
    .map((line) => coloured(line, terminal));
}

/** The value of `--format`, or what `--json` stands for. Throws UsageError. */
export function formatOf({ format, json }: BenchOptions): ExportFormat {
  const word = single('format', format as OptionText);
  const known = EXPORT_FORMATS.find((name) => name === word);
  if (known === undefined) throw new UsageError(`--format "${word}": expected ${EXPORT_FORMATS.join(', ')}`);
  return json === true ? 'json' : known;
}

/** All runs in a form for other programs; one record alone is a document of its own. */
export function exported(records: readonly RunRecord[], format: Exclude<ExportFormat, 'table'>): string {
  if (format === 'csv') return csvText(records);
  if (format === 'markdown') return markdownText(records);
  if (format === 'comment') return commentText(records);
  return `${JSON.stringify(records.length === 1 ? records[0] : records)}\n`;
}

function isMeasured(record: RunRecord): boolean {
  return record.cells.some((cell) => cell.exact !== null);
}
