/** What a bench prints at its end, and the report that it writes. */

import { adviceLines } from '../../../dashboards/text/advice-text.ts';
import { commitsHeadline, countLines, verdictLines } from '../../../dashboards/text/comparison-text.ts';
import { costLines } from '../../../dashboards/text/cost-text.ts';
import { csvText, EXPORT_FORMATS, type ExportFormat, markdownText } from '../../../dashboards/text/export.ts';
import { oneByOneLines } from '../../../dashboards/text/one-by-one-text.ts';
import { protocolLines } from '../../../dashboards/text/protocol-text.ts';
import { rawLines } from '../../../dashboards/text/raw-text.ts';
import { summaryTable } from '../../../dashboards/text/summary.ts';
import type { RunRecord } from '../../../results/record.ts';
import { writeWhole } from '../../../results/store.ts';
import { UsageError } from '../../console/errors.ts';
import { type OptionText, single } from '../../console/option-values.ts';
import type { BenchOptions } from '../plan/bench-options.ts';
import type { BenchOutcome } from './run-bench.ts';

/** Writes the report next to the record, unless nothing was measured; gives its path. */
export async function writeReport({ record, recordFile }: BenchOutcome): Promise<string | null> {
  if (!isMeasured(record)) return null;
  // Loaded only now: charts need large libraries, and most commands need no charts.
  const { renderReport } = await import('../../../dashboards/index.ts');
  const reportFile = recordFile.replace(/\.json$/, '.html');
  writeWhole(reportFile, await renderReport(record));
  return reportFile;
}

/** The lines about one run: counts, verdicts, reasons, the answer in words, and where the files are. */
export async function tableLines({ record, recordFile }: BenchOutcome, reportFile: string | null): Promise<string[]> {
  const { flushWorld } = await import('../../../dashboards/index.ts');
  const comparisons = record.comparisons ?? [];
  const blocks = [
    summaryTable(record),
    oneByOneLines(record),
    rawLines(record),
    protocolLines(record),
    countLines(comparisons),
    verdictLines(record),
    costLines(record),
  ];
  const commits = commitsHeadline(record);
  if (commits !== null) blocks.push([commits]);
  else if (isMeasured(record)) blocks.push(adviceLines(record), [flushWorld(record)]);
  const files = [`record: ${recordFile}`];
  if (reportFile !== null) files.push(`report: ${reportFile}`);
  return [...blocks, files]
    .filter((lines) => lines.length > 0)
    .flatMap((lines, index) => (index > 0 ? ['', ...lines] : lines));
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
  return `${JSON.stringify(records.length === 1 ? records[0] : records)}\n`;
}

function isMeasured(record: RunRecord): boolean {
  return record.cells.some((cell) => cell.exact !== null);
}
