/** `cowbench report RECORD`: the HTML report of an earlier run, one of its charts, or a comparison with other records. */
import path from 'node:path';
import type { CommandModule } from 'yargs';
import type { ChartFormat, ComparedSide } from '../../dashboards/index.ts';
import type { RunRecord } from '../../results/record.ts';
import { readRecord, writeWhole } from '../../results/store.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { single } from '../console/option-values.ts';
import { unknownWord } from '../console/suggest.ts';
import { knownCommits } from '../machine/commit-facts.ts';
import { newestRuns } from '../measure/session/earlier-runs.ts';
import { recordNamed } from './latest-record.ts';

interface ReportOptions {
  readonly record: string;
  readonly out: string | undefined;
  readonly format: string;
  readonly question: string | undefined;
  readonly theme: string;
  readonly against: string | undefined;
}

const FORMATS = ['html', 'svg', 'png', 'json'] as const;
const THEMES = ['light', 'dark'] as const;

export const report: CommandModule<object, ReportOptions> = {
  command: 'report <record>',
  describe: 'rebuild the report of a record, draw one of its charts, or compare it with other records',
  builder: (yargs) =>
    yargs
      .positional('record', { type: 'string', describe: 'a record written by bench, or latest', demandOption: true })
      .option('out', {
        ...value('FILE'),
        describe: 'file to write [default: next to the record, with the extension of the format]',
      })
      .option('format', {
        ...value('FORMAT'),
        default: 'html',
        describe: 'html: the report; svg, png or json (Vega-Lite with its data): the chart of --question',
      })
      .option('question', {
        ...value('NAME'),
        describe: 'the chart to draw, by its name in the links of the report',
      })
      .option('theme', {
        ...value('THEME'),
        default: 'light',
        describe: 'colours of the chart: light or dark',
      })
      .option('against', {
        ...value('PATH'),
        describe: 'a record, or a folder of records, to compare with; RECORD may then be a folder too',
      })
      .example('$0 report results/runs/M/C/RUN.json --out report.html', 'a report to publish')
      .example('$0 report latest --out report.html', 'the newest run')
      .example('$0 report RUN.json --format svg --question policy-cost', 'one chart, for a paper')
      .example('$0 report results/runs/M/B --against results/runs/M/A --out changes.html', 'commit B against commit A'),
  handler: async (given) => {
    const options = { ...given, record: recordNamed(given.record) };
    const format = oneOf('format', options.format, FORMATS);
    const theme = oneOf('theme', options.theme, THEMES);
    if (options.against !== undefined) return compare(options, single('against', options.against));
    const record = readRecord(options.record);
    if (format !== 'html') return drawChart(options, record, format, theme);
    if (options.question !== undefined)
      throw new UsageError('--question is for --format svg, png or json; the report has all');
    const { renderReport } = await import('../../dashboards/index.ts');
    write(
      'report',
      fileOf(options, '.html'),
      await renderReport(record, knownCommits(), [...newestRuns(options.record)]),
    );
  },
};

function oneOf<Word extends string>(option: string, given: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === single(option, given));
  if (word === undefined) throw new UsageError(`--${option}: ${unknownWord(option, given, [...words])}`);
  return word;
}

/** Where the result goes: `--out`, or next to the record. */
function fileOf({ out, record }: ReportOptions, ending: string): string {
  return out === undefined ? record.replace(/(\.json)?$/, ending) : single('out', out);
}

function write(what: string, file: string, content: string | Uint8Array): void {
  writeWhole(file, content);
  console.log(`${what}: ${file}`);
}

async function drawChart(options: ReportOptions, record: RunRecord, format: ChartFormat, theme: 'light' | 'dark') {
  const { ChartError, QUESTION_IDS, renderChart } = await import('../../dashboards/index.ts');
  if (options.question === undefined) {
    throw new UsageError(`--format ${format} needs --question, one of: ${QUESTION_IDS.join(', ')}`);
  }
  const question = oneOf('question', options.question, QUESTION_IDS);
  const ending = `.${question}.${format === 'json' ? 'vl.json' : format}`;
  const chart = await renderChart(record, question, format, theme).catch((error: unknown) => {
    throw error instanceof ChartError ? new UsageError(error.message) : error;
  });
  write('chart', fileOf(options, ending), chart);
}

async function compare(options: ReportOptions, against: string): Promise<void> {
  if (options.format !== 'html' || options.question !== undefined) {
    throw new UsageError('--against makes a page: it goes with neither --format nor --question');
  }
  const { renderComparison } = await import('../../dashboards/index.ts');
  const sides = { baseline: await side(against), candidate: await side(options.record) };
  const history = [...sides.baseline.records, ...sides.candidate.records];
  const page = await renderComparison({ ...sides, known: knownCommits(), history });
  const fallback = path.join(path.dirname(options.record), `${path.basename(options.record, '.json')}.comparison.html`);
  write('comparison', options.out === undefined ? fallback : single('out', options.out), page);
}

async function side(place: string): Promise<ComparedSide> {
  const { recordFiles } = await import('../site/stored-records.ts');
  const files = recordFiles(place);
  if (files.length === 0) throw new UsageError(`${place}: no record in this folder`);
  return { name: path.basename(place, '.json'), records: files.map(readRecord) };
}
