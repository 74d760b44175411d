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
import { PROJECT_ROOT } from '../console/project-root.ts';
import { fileAt, findCommit, resolveRevision, shallowHint } from '../measure/commits/git.ts';
import { gateSummary, judge } from '../measure/gate/gate-verdict.ts';
import { measurePoints } from '../measure/gate/measure-points.ts';

const BASELINE_PATH = 'results/baseline.json';

interface GateOptions {
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
        default: path.join(PROJECT_ROOT, BASELINE_PATH),
        defaultDescription: BASELINE_PATH,
        describe: `a baseline file, or a revision whose ${BASELINE_PATH} is used`,
      })
      .option('summary', { ...value('FILE'), describe: 'also write the summary to this file, as Markdown' })
      .option('update', { type: 'boolean', describe: `rewrite ${BASELINE_PATH}; commit the result` })
      .option('quiet', { type: 'boolean', alias: 'q', describe: 'no progress on stderr' })
      .example('$0 gate --baseline origin/main', 'a pull request against its target branch'),
  handler: async ({ baseline: given, summary, update, quiet }) => {
    const before = update === true ? null : readBaseline(single('baseline', given));
    if (before === undefined) {
      console.error(
        `cowbench: no baseline: "${given}" is neither a file nor a revision with ${BASELINE_PATH}${shallowHint()}`,
      );
      process.exitCode = EXIT_CODES.noBaseline;
      return;
    }
    const current = await measurePoints(quiet === true ? undefined : showProgress);
    if (before === null) writeBaseline(current);
    else report(before, current, summary);
  },
};

interface NamedBaseline {
  readonly baseline: Baseline;
  /** Where it was read, and its content by the first digits of its hash. */
  readonly name: string;
}

/** Undefined when there is none. Throws when it is there and cannot be read. */
function readBaseline(given: string): NamedBaseline | undefined {
  if (fs.existsSync(given)) {
    if (!fs.statSync(given).isFile()) throw new UsageError(`--baseline ${given}: not a regular file`);
    return parsed(given, fs.readFileSync(given, 'utf8'));
  }
  if (findCommit(given) === null) return undefined;
  const text = fileAt(resolveRevision(given), BASELINE_PATH);
  return text === null ? undefined : parsed(`${given}:${BASELINE_PATH}`, text);
}

function parsed(place: string, text: string): NamedBaseline {
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { baseline: parseBaseline(place, text), name: `${place}, sha256 ${sha256.slice(0, 12)}` };
}

function writeBaseline(current: Baseline): void {
  writeWhole(path.join(PROJECT_ROOT, BASELINE_PATH), baselineText(current));
  console.log(`${Object.keys(current.points).length} points written to ${BASELINE_PATH}`);
}

function report({ baseline: before, name }: NamedBaseline, current: Baseline, summaryFile: string | undefined): void {
  const comparison = compareBaselines(before, current);
  const verdict = judge(comparison);
  const text = gateSummary(comparison, verdict, Object.keys(current.points).length, name);
  if (summaryFile !== undefined) writeWhole(single('summary', summaryFile), text);
  process.stdout.write(text);
  if (verdict.verdict === 'regression') process.exitCode = EXIT_CODES.finding;
}

function showProgress(done: number, of: number): void {
  if (process.stderr.isTTY) process.stderr.write(done === of ? '\r\u001b[K' : `\r${done} of ${of} points`);
}
