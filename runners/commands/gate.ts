/** `cowbench gate`: exit code and summary for continuous integration, from exact metrics only: disk time never gates. */

import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { type Baseline, baselineText, compareBaselines, parseBaseline } from '../../results/baseline.ts';
import { writeWhole } from '../../results/store.ts';
import { EXIT_CODES, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { single } from '../console/option-values.ts';
import { IS_INSTALLED, RESULTS_ROOT } from '../console/project-root.ts';
import { shellWord } from '../console/shell-word.ts';
import { stderrMoves } from '../console/terminal.ts';
import { textOfFile } from '../console/text-of-file.ts';
import { fileAt, findCommit, resolveRevision, shallowHint } from '../measure/commits/git.ts';
import { gateSummary, judge } from '../measure/gate/gate-verdict.ts';
import { measurePoints } from '../measure/gate/measure-points.ts';
import { enginePoints } from '../measure/gate/points.ts';

const BASELINE_PATH = 'results/baseline.json';

interface GateOptions {
  engine: string | undefined;
  baseline: string;
  summary: string | undefined;
  update: boolean | undefined;
  quiet: boolean | undefined;
}

export const gate: CommandModule<object, GateOptions> = {
  command: 'gate',
  describe: 'measure the exact metrics of small runs and compare them with a baseline',
  builder: (yargs) =>
    yargs
      .option('baseline', {
        ...value('WHAT'),
        default: path.join(RESULTS_ROOT, BASELINE_PATH),
        defaultDescription: BASELINE_PATH,
        describe: `a baseline file, or a revision whose ${BASELINE_PATH} is used`,
      })
      .option('engine', {
        ...value('ENGINE'),
        describe: 'gate another engine: qemu, qemu=DIR or nbd:COMMAND; needs --baseline FILE, which --update writes',
      })
      .option('summary', { ...value('FILE'), describe: 'also write the summary to this file, as Markdown' })
      .option('update', {
        type: 'boolean',
        describe: `rewrite ${BASELINE_PATH}, or FILE with --engine; commit the result`,
      })
      .option('quiet', { type: 'boolean', alias: 'q', describe: 'no progress on stderr' })
      .example('$0 gate --baseline origin/main', 'a pull request against its target branch')
      .example('$0 gate --engine qemu=/opt/a/bin --baseline qemu.json --update', 'what one build of qemu counts ...')
      .example('$0 gate --engine qemu=/opt/b/bin --baseline qemu.json', '... and whether another counts more'),
  handler: async ({ baseline: given, engine, summary, update, quiet }) => {
    const baselineFile = baselineFileOf(given, engine);
    const points = engine === undefined ? undefined : enginePoints(single('engine', engine));
    const before = update === true ? null : readBaseline(single('baseline', given));
    if (before === undefined) {
      console.error(
        `cowbench: no baseline: "${given}" is neither a file nor a revision with ${BASELINE_PATH}${IS_INSTALLED ? '' : shallowHint()}`,
      );
      process.exitCode = EXIT_CODES.noBaseline;
      return;
    }
    const current = await measurePoints(quiet === true ? undefined : showProgress, points);
    if (before === null) writeBaseline(baselineFile, current);
    else report(before, current, summary, engine);
  },
};

/** The published one has a quarter of a MiB. */
const MOST_BASELINE_BYTES = 64 * 1024 * 1024;

interface NamedBaseline {
  readonly baseline: Baseline;
  /** Where it was read. */
  readonly place: string;
  readonly sha256: string;
}

/** Undefined when there is none. Throws when it is there and cannot be read. */
function readBaseline(given: string): NamedBaseline | undefined {
  if (fs.existsSync(given)) {
    return parsed(given, givenText(given));
  }
  if (IS_INSTALLED || findCommit(given) === null) return undefined;
  const text = fileAt(resolveRevision(given), BASELINE_PATH);
  return text === null ? undefined : parsed(`${given}:${BASELINE_PATH}`, text);
}

function givenText(file: string): string {
  try {
    return textOfFile(file, MOST_BASELINE_BYTES);
  } catch (error) {
    throw new UsageError(`--baseline ${file}: ${(error as Error).message}`);
  }
}

function parsed(place: string, text: string): NamedBaseline {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { baseline: parseBaseline(place, text), place, sha256 };
}

/** The published baseline is this program's own; that of another engine is a file of the user's. */
function baselineFileOf(given: string, engine: string | undefined): string {
  const own = path.join(RESULTS_ROOT, BASELINE_PATH);
  if (engine === undefined) return own;
  const file = path.resolve(single('baseline', given));
  if (file === own) throw new UsageError('--engine needs a baseline of its own: --baseline FILE');
  return file;
}

function writeBaseline(file: string, current: Baseline): void {
  writeWhole(file, baselineText(current));
  const named = file === path.join(RESULTS_ROOT, BASELINE_PATH) ? BASELINE_PATH : file;
  console.log(`${Object.keys(current.points).length} points written to ${named}`);
}

function report(
  { baseline: before, place, sha256 }: NamedBaseline,
  current: Baseline,
  summaryFile: string | undefined,
  engine: string | undefined,
): void {
  const comparison = compareBaselines(before, current);
  const verdict = judge(comparison);
  const text = gateSummary(comparison, verdict, Object.keys(current.points).length, {
    baseline: `${place}, sha256 ${sha256.slice(0, 12)}`,
    engine: engine ?? null,
    updateCommand: updateCommand(place, engine),
  });
  if (summaryFile !== undefined) writeWhole(single('summary', summaryFile), text);
  process.stdout.write(text);
  if (verdict.verdict === 'regression') process.exitCode = EXIT_CODES.finding;
}

function updateCommand(place: string, engine: string | undefined): string {
  if (engine === undefined) return IS_INSTALLED ? 'cowbench gate --update' : 'npm run gate -- --update';
  return `cowbench gate --engine ${shellWord(engine)} --baseline ${shellWord(place)} --update`;
}

function showProgress(done: number, of: number): void {
  if (stderrMoves()) process.stderr.write(done === of ? '\r\u001b[K' : `\r${done} of ${of} points`);
}
