/** Disks that become full in the middle of a run, and stores with records that cannot be read: nothing measured is lost. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { RunRecord } from '../../../results/record.ts';
import { readRecord } from '../../../results/store.ts';
import { type Finished, filesBelow, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';
import { OwnRepository } from '../../testing/own-repository.ts';
import { fill, NO_MOUNT, onSmallTmpfs } from '../../testing/small-tmpfs.ts';

let folder = '';
let program: OwnRepository;
beforeEach(() => {
  folder = temporaryFolder();
  // A copy of its own: a run is only continued by the same state of the program, and this one may be worked on.
  program = new OwnRepository(folder);
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const bench = (own: Record<string, string>, ...flags: string[]) =>
  smallBench(
    folder,
    { policy: 'writeback', device: 'model:nvme-plp', rounds: '12', ...own },
    ...['--no-report', '--quiet', ...flags],
  );

const recordsIn = (store: string) =>
  fs.existsSync(store)
    ? filesBelow(store).filter((file) => file.endsWith('.json') && !path.basename(file).startsWith('.'))
    : [];
const roundsOf = (record: RunRecord) => record.cells[0]!.rounds;

/** The only line of stderr, of a command that was refused or failed. */
function oneLine({ code, stderr }: Finished): string {
  assert.equal(code, 2, stderr);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
  return stderr.trimEnd();
}

/** Starts a bench, waits for its second round, and fills the disk at `mountPoint`. */
async function fullInTheMiddle(words: string[], store: string, mountPoint: string) {
  const { finished } = program.start(words);
  const measured = () => recordsIn(store).flatMap((file) => roundsOf(readRecord(path.join(store, file)))).length;
  while (measured() < 2) await setTimeout(10);
  const filler = fill(mountPoint);
  return { line: oneLine(await finished), filler };
}

test('the disk of the images becomes full: one line, exit code 2, the rounds before it are kept, the images are gone', async (context) => {
  const store = path.join(folder, 'runs');
  const outcome = await onSmallTmpfs(folder, 'size=64m', async (mountPoint) => {
    const { line } = await fullInTheMiddle(bench({ dir: mountPoint }), store, mountPoint);
    return { line, left: fs.readdirSync(mountPoint) };
  });
  if (outcome === null) return context.skip(NO_MOUNT);
  assert.match(outcome.line, /^cowbench: .*no space left on device$/);
  assert.deepEqual(outcome.left, ['filler']);
  const record = readRecord(path.join(store, recordsIn(store)[0]!));
  assert.equal(record.status, 'failed');
  assert.match(record.failure!, /no space left on device/);
  assert.ok(roundsOf(record).length >= 2 && record.cells[0]!.exact !== null);
});

test('the disk of the store becomes full: one line, every sample before it is kept, and --resume continues', async (context) => {
  const outcome = await onSmallTmpfs(folder, 'size=2m', async (mountPoint) => {
    const store = path.join(mountPoint, 'runs');
    const words = bench({ out: store }, '--json', '--resume');
    const { line, filler } = await fullInTheMiddle(words, store, mountPoint);
    const [file, ...others] = recordsIn(store).map((name) => path.join(store, name));
    assert.deepEqual(others, []);
    const kept = roundsOf(readRecord(file!));
    assert.ok(kept.length >= 2);
    const plain = JSON.parse(fs.readFileSync(file!, 'utf8')) as RunRecord;
    assert.deepEqual(
      [plain.status, roundsOf(plain)],
      ['running', []],
      'samples are appended, the record is not rewritten',
    );
    fs.rmSync(filler);
    const resumed = recordOf(await program.cowbench(...words));
    assert.deepEqual(recordsIn(store).length, 1);
    assert.deepEqual(filesBelow(store).length, 1, 'a temporary file was left');
    return { line, kept, resumed };
  });
  if (outcome === null) return context.skip(NO_MOUNT);
  const { line, kept, resumed } = outcome;
  assert.match(line, /^cowbench: cannot write .*\.json: no space left on device$/);
  assert.equal(resumed.status, 'complete');
  assert.deepEqual(roundsOf(resumed).slice(0, kept.length), kept);
  assert.equal(roundsOf(resumed).length, 12);
});

test('a record of a newer cowbench, or a damaged one, in the way of --resume or trend: one line that names it, and it stays', async () => {
  const store = path.join(folder, 'runs');
  const words = bench({ rounds: '1' }, '--resume');
  assert.equal((await program.cowbench(...words)).code, 0);
  const [name] = recordsIn(store);
  const file = path.join(store, name!);
  const whole = fs.readFileSync(file, 'utf8');
  const trend = ['trend', 'HEAD', ...words.slice(1).filter((word) => word !== '--resume')];
  for (const [text, reason] of [
    [whole.replace('"schemaVersion":1', '"schemaVersion":2'), /\$\.schemaVersion is 2, newer than 1/],
    [whole.slice(0, whole.length / 2), /not a JSON document/],
    [whole.replace('"deterministic":true', '"deterministic":7'), /\$\.cells\[0\]\.deterministic: /],
  ] as const) {
    fs.writeFileSync(file, text);
    for (const refused of [words, trend]) {
      const line = oneLine(await program.cowbench(...refused));
      assert.ok(line.startsWith(`cowbench: ${file}: `), line);
      assert.match(line, reason);
    }
    assert.equal(fs.readFileSync(file, 'utf8'), text);
    assert.deepEqual(recordsIn(store), [name]);
  }
});
