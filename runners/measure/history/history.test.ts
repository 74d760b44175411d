/** The history run through the real command line, in its smallest form: files, numbers, exit codes. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { STAGE_IDS } from '../../../engine/index.ts';
import { readRecord } from '../../../results/store.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { cowbench, startCowbench, temporaryFolder } from '../../testing/command.ts';
import { readHistory } from './document-file.ts';
import { historyPlan } from './history-options.ts';
import { partsOf } from './parts.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'images'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function words(part: string, ...more: string[]): string[] {
  const places = ['--dir', path.join(folder, 'images'), '--out', path.join(folder, 'out')];
  return ['history', '--quick', '--no-micro', '--part', part, ...places, ...more];
}

type Document = ReturnType<typeof readHistory>;

/** The value of a term of an origin: a number, or `part stage mode counter`. */
function termValue({ parts, staleTables }: Document, term: string): number {
  if (!term.startsWith('[')) return Number(term);
  const [part, stage, mode, counter] = term.slice(1, -1).split(' ') as [string, string, string, string];
  if (part === 'stale-tables') return Number(staleTables!.find((one) => one.stage === stage)![counter as 'lostBytes']);
  const { record } = parts.find(({ id }) => id === part)!;
  const cell = record.cells.find((one) => one.policy.stage === stage && one.hostCacheMode === mode)!;
  let value: unknown = counter.startsWith('workload.') ? record : cell.exact;
  for (const key of counter.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
  return value === undefined ? 0 : Number(value);
}

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

/** Works an origin out, from left to right. */
function originValue(document: Document, origin: string): number {
  const [first, ...rest] = origin.match(/\[[^\]]*\]|[-+*/]|[\d.]+/g)!;
  let value = termValue(document, first!);
  for (let index = 0; index < rest.length; index += 2) {
    const next = termValue(document, rest[index + 1]!);
    value = OPERATIONS[rest[index]!]!(value, next);
  }
  return value;
}

test('the report is one file; each number of its sentences, worked out anew from the records, is what it says', async () => {
  const finished = await cowbench(...words('sequential-write,owed-barrier', '--quiet'));
  assert.deepEqual([finished.code, finished.stderr], [0, '']);
  const file = /^records: (.*)$/m.exec(finished.stdout)![1]!;
  const document = readHistory(file);
  assert.equal(document.status, 'complete');
  assert.deepEqual(
    document.parts[0]!.record.cells.map(({ policy }) => policy.stage),
    [...STAGE_IDS, ...STAGE_IDS],
  );
  const html = fs.readFileSync(file.replace(/json$/, 'html'), 'utf8');
  const markup = html.replaceAll(/<script.*?<\/script>/gs, '');
  assert.doesNotMatch(markup, /src="/);
  const links = [...markup.matchAll(/href="([^#][^"]*)"/g)].map((match) => match[1]!);
  const isCommit = (link: string) =>
    /^https:\/\/gitlab\.com\/qemu-project\/qemu\/-\/commit\/[0-9a-f]{7,40}$/.test(link);
  assert.ok(links.filter(isCommit).length >= 5, 'the commits that it is about');
  const [link, ...others] = new Set(links.filter((each) => !isCommit(each)));
  assert.deepEqual(others, []);
  const { href } = new URL(link!, pathToFileURL(file));
  assert.equal(href, pathToFileURL(path.join(PROJECT_ROOT, 'docs/safety.md')).href);
  const numbers = [...html.matchAll(/<data value="([^"]+)" title="[^"=]+ = ([^"]+)">/g)];
  assert.ok(numbers.length > 10, `only ${numbers.length} numbers`);
  for (const [, value, origin] of numbers) assert.equal(originValue(document, origin!), Number(value), origin);
  const [owed, without] = ['S2', 'S2-unowed'].map((stage) =>
    termValue(document, `[owed-barrier ${stage} writeback byRequest.write.fsyncs]`),
  );
  assert.ok(without! < owed!);
  assert.match(finished.stdout, new RegExp(`Holds: .* ${without} syncs instead of ${owed}\\.`));
  assert.match(finished.stdout, /Not measured in this run: .*flush/);
  const lost = document.staleTables!.map(({ lostBytes }) => lostBytes);
  assert.deepEqual([lost[0], Math.min(...lost.slice(1))], [0, 65536]);
  assert.match(
    finished.stdout,
    /Holds: .*every stage with the cache loses content\. 0.B without the cache, at least 64.KiB with it\./,
  );
  assert.match(finished.stdout, /Holds: Without the defect the same requests lose nothing\./);
  assert.deepEqual(fs.readdirSync(path.join(folder, 'images')), []);
  await rebuilt(file, document, html);
});

/** From its document the same page is rebuilt; from one in which a claim does not hold, one that says so. */
async function rebuilt(file: string, document: Document, html: string): Promise<void> {
  const again = await cowbench('history', '--from', file, '--out', path.join(folder, 'again'));
  assert.equal(again.code, 0, again.stderr);
  assert.equal(fs.readFileSync(path.join(folder, 'again', path.basename(file, '.json').concat('.html')), 'utf8'), html);
  const { cells } = document.parts.find(({ id }) => id === 'owed-barrier')!.record;
  cells.find(({ policy }) => policy.stage === 'S2')!.exact!.byRequest.write!.fsyncs = 0;
  const turned = path.join(folder, 'turned.json');
  fs.writeFileSync(turned, JSON.stringify(document));
  const { stdout } = await cowbench('history', '--from', turned, '--out', path.join(folder, 'again'));
  assert.match(stdout, /DOES NOT HOLD in this run: Without the deferred barrier .* syncs instead of 0\./);
}

test('Ctrl-C keeps what was measured, in document and report', async () => {
  const { process: child, finished } = startCowbench(words('sequential-write,savevm'));
  let shown = '';
  child.stderr!.on('data', (text) => (shown += text));
  const records = path.join(folder, 'out/runs');
  const measured = () =>
    fs.existsSync(records) &&
    fs
      .readdirSync(records, { recursive: true, encoding: 'utf8' })
      .some((name) => name.endsWith('.json') && isRunning(path.join(records, name)));
  while (!measured() && child.exitCode === null) await setTimeout(20);
  child.kill('SIGINT');
  const { code, stdout, stderr } = await finished;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /Interrupted. Results so far are in the report/);
  const document = readHistory(/^records: (.*)$/m.exec(stdout)![1]!);
  assert.equal(document.status, 'interrupted');
  assert.ok(document.parts.some(({ record }) => record.cells.some(({ exact }) => exact !== null)));
  assert.match(shown, /part|images/);
});

/** A record that is not finished and has a measured cell. */
function isRunning(file: string): boolean {
  const record = readRecord(file);
  return record.status === 'running' && record.cells.some(({ exact }) => exact !== null);
}

const REFUSED: readonly (readonly [string[], RegExp])[] = [
  [['--quick', '--full'], /full.*quick|quick.*full/],
  [['--dir', '/nowhere/at/all'], /--dir \/nowhere\/at\/all/],
  [['--from', import.meta.filename], /--from .*history.test.ts/],
  [['--speed', '3'], /--speed/],
];

for (const [options, message] of REFUSED) {
  test(`refused in one line, nothing written: ${options[0]}`, async () => {
    const refused = path.join(folder, 'refused');
    const { code, stdout, stderr } = await cowbench('history', ...options, '--quiet', '--out', refused);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    assert.equal(fs.existsSync(refused), false);
  });
}

test('values that make no sense are refused by the name of their option', () => {
  const refuse = (option: string, value: string) =>
    assert.throws(
      () => historyPlan({ rounds: '0', seed: '1', [option]: value }, []),
      new RegExp(`^UsageError: --${option}`),
    );
  refuse('part', 'snapshots');
  refuse('rounds', '-1');
  refuse('rounds', '21');
  refuse('seed', 'x');
});

for (const size of ['quick', 'usual', 'full'] as const) {
  test(`${size}: parts have names of their own, and the long ones cover all stages in both modes`, () => {
    const parts = partsOf(size);
    assert.equal(new Set(parts.map(({ id }) => id)).size, parts.length);
    for (const id of ['install', 'install-unflushed', 'snapshot-few', 'snapshot-many', 'savevm']) {
      assert.match(
        parts.find((part) => part.id === id)!.words.join(' '),
        /--stage all --cache writeback,writethrough$/,
      );
    }
  });
}
