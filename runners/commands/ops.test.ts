/** `cowbench ops` from the outside: output, one clear line for each error of use or input, nothing left behind. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

const CLI = path.join(import.meta.dirname, '../cli.ts');
const EMPTY = path.join(import.meta.dirname, '../ops/reference/empty/empty-v2-33554432-4096.qcow2.gz');
const SCRIPT = '#@ size=33554432 cluster_size=4096\nw 0 4096\nf\nsnap a\nreopen\nw 512 512\nr 0 4096\n';

let directory = '';
before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
});
after(() => fs.rmSync(directory, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function cowbench(...words: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...words], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

function written(name: string, text: string | Uint8Array): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return file;
}

test('counts as one JSON object in the form of the reference; the image stays in --dir', async () => {
  const file = written('counted.ops', SCRIPT);
  const dir = path.join(directory, 'counted');
  const { code, stdout, stderr } = await cowbench(
    'ops',
    file,
    '--stage',
    'S0',
    '--start',
    EMPTY,
    '--dir',
    dir,
    '--json',
  );
  assert.equal(stderr, '');
  assert.equal(code, 0);
  const result = JSON.parse(stdout);
  const reference = JSON.parse(
    fs.readFileSync(path.join(import.meta.dirname, '../ops/reference/counts.json'), 'utf8'),
  ) as object[];
  assert.deepEqual(Object.keys(result).sort(), [...Object.keys(reference[0]!), 'inputs'].sort());
  const sha256 = (input: string) => createHash('sha256').update(fs.readFileSync(input)).digest('hex');
  assert.deepEqual(result.inputs, [
    { role: 'script', name: file, sha256: sha256(file) },
    { role: 'start', name: EMPTY, sha256: sha256(EMPTY) },
  ]);
  assert.deepEqual([result.script, result.stage, result.mode], ['counted', 'S0', 'writeback']);
  assert.deepEqual(Object.keys(result.by_op), ['w', 'f', 'snap', 'reopen', 'r']);
  // Header, L1, refcount table and extensions; of the snapshot its fixed part, id and name.
  assert.equal(result.by_op.reopen.reads, 7);
  assert.deepEqual(fs.readdirSync(dir), ['counted.qcow2']);
  assert.equal(fs.statSync(path.join(dir, 'counted.qcow2')).size, result.image_bytes);
});

test('the table and the sequence are for people', async () => {
  const file = written('shown.ops', SCRIPT);
  const [table, sequence] = await Promise.all([cowbench('ops', file), cowbench('ops', file, '--sequence')]);
  assert.match(table.stdout, /^shown, stage S4b, host cache mode writeback\n[\s\S]*\nw +\d+/);
  assert.match(sequence.stdout, /^=== S4b writeback\nopen {31}\nphase open {25}h 1 t h\n[\s\S]*\nop 3 f +R F L F\*3\n/);
});

test('a policy is counted on the same script, in the mode that is its own', async () => {
  const file = written('policies.ops', SCRIPT);
  const run = async (...words: string[]) => JSON.parse((await cowbench('ops', file, '--json', ...words)).stdout);
  const [reserve, through, history] = await Promise.all([
    run('--policy', 'reserve'),
    run('--policy', 'modern', '--cache', 'writethrough'),
    run('--policy', 'writethrough'),
  ]);
  assert.deepEqual([reserve.stage, reserve.policy, reserve.mode], [null, 'reserve', 'writeback']);
  // One flush makes a write and all tables durable; a snapshot takes two, and the close one.
  assert.equal(reserve.by_op.f.fsyncs, 2);
  assert.equal(reserve.by_op.snap.fsyncs, 2);
  // Not by O_DSYNC, but by a flush after each request: two for what was allocated.
  assert.deepEqual([through.mode, through.odsync_writes], ['writethrough', 0]);
  assert.deepEqual([history.stage, history.policy, history.mode], ['S4b', 'writethrough', 'writethrough']);
});

const MISTAKES: readonly { title: string; words: () => string[]; line: RegExp }[] = [
  {
    title: 'unknown op',
    words: () => [written('unknown.ops', '#@ size=1048576\nw 0 512\nwrite 0 512\n')],
    line: /^cowbench: .*unknown\.ops:3: unknown op "write"; there are w r f /,
  },
  {
    title: 'too few words',
    words: () => [written('few.ops', '#@ size=1048576\nw 0\n')],
    line: /^cowbench: .*few\.ops:2: op "w" takes 2 words, found 1$/,
  },
  {
    title: 'past the end of the disk',
    words: () => [written('past.ops', '#@ size=1048576\nw 1048576 512\n')],
    line: /^cowbench: .*past\.ops:2: 512 bytes at offset 1048576 pass the end of the disk \(1048576 bytes\)$/,
  },
  {
    title: 'more bytes than one op may have',
    words: () => [written('huge.ops', '#@ size=1099511627776\nw 0 1099511627776\n')],
    line: /^cowbench: .*huge\.ops:2: 1099511627776 bytes in one op; at most 268435456 are possible$/,
  },
  {
    title: 'a snapshot that is not there',
    words: () => [written('gone.ops', '#@ size=1048576\nw 0 512\ngoto nowhere\n')],
    line: /^cowbench: .*gone\.ops:3: there is no snapshot "nowhere": the image has none$/,
  },
  {
    title: 'no size',
    words: () => [written('sizeless.ops', 'f\n')],
    line: /^cowbench: .*sizeless\.ops: no line "#@ size=BYTES"$/,
  },
  {
    title: 'script missing',
    words: () => [path.join(directory, 'missing.ops')],
    line: /^cowbench: cannot read op script .*missing\.ops: no such file or directory$/,
  },
  {
    title: 'unknown stage',
    words: () => [written('stage.ops', SCRIPT), '--stage', 'S9'],
    line: /^cowbench: unknown stage "S9"; did you mean S\d/,
  },
  {
    title: 'unknown policy',
    words: () => [written('policy.ops', SCRIPT), '--policy', 'reserv'],
    line: /^cowbench: unknown policy "reserv"; did you mean reserve\?$/,
  },
  {
    title: 'a stage and a policy',
    words: () => [written('both.ops', SCRIPT), '--policy', 'modern', '--stage', 'S4b'],
    line: /^cowbench: --policy and --stage cannot be combined$/,
  },
  {
    title: 'a policy twice',
    words: () => [written('twice.ops', SCRIPT), '--policy', 'modern', '--policy', 'reserve'],
    line: /^cowbench: --policy is given more than once$/,
  },
  {
    title: 'unknown host cache mode',
    words: () => [written('mode.ops', SCRIPT), '--cache', 'writebak'],
    line: /^cowbench: unknown cache "writebak"; did you mean writeback\?$/,
  },
  {
    title: 'starting image missing',
    words: () => [written('start.ops', SCRIPT), '--start', path.join(directory, 'none.qcow2')],
    line: /^cowbench: cannot read starting image .*none\.qcow2: no such file or directory$/,
  },
  {
    title: 'starting image no image',
    words: () => [written('text.ops', SCRIPT), '--start', written('text.qcow2', 'not an image '.repeat(100))],
    line: /^cowbench: .*text\.qcow2: image is not in qcow2 format$/,
  },
  {
    title: 'starting image cut short',
    words: () => [written('cut.ops', SCRIPT), '--start', written('cut.gz', fs.readFileSync(EMPTY).subarray(0, 60))],
    line: /^cowbench: cannot read starting image .*cut\.gz: unexpected end of file$/,
  },
  {
    title: 'starting image of another size',
    words: () => [written('other.ops', SCRIPT.replace('33554432', '16777216')), '--start', EMPTY],
    line: /^cowbench: starting image .*: its disk is 33554432 bytes, .*other\.ops wants 16777216$/,
  },
  {
    title: 'starting image of another cluster size',
    words: () => [written('cluster.ops', SCRIPT.replace('=4096', '=65536')), '--start', EMPTY],
    line: /^cowbench: starting image .*: its cluster size is 4096 bytes, .*cluster\.ops wants 65536$/,
  },
  {
    title: 'directory cannot be made',
    words: () => [written('dir.ops', SCRIPT), '--dir', path.join(written('file', ''), 'below')],
    line: /^cowbench: cannot make directory .*file\/below: not a directory$/,
  },
];

test('each mistake is one line on stderr and exit code 2, and leaves nothing', async (t) => {
  const made = path.join(directory, 'made');
  const cases = MISTAKES.map(({ words, ...rest }) => ({ ...rest, words: words() }));
  const before = fs.readdirSync(directory);
  for (let first = 0; first < cases.length; first += 4) {
    const batch = cases.slice(first, first + 4).map(async ({ title, words, line }) => {
      const dir = words.includes('--dir') ? [] : ['--dir', path.join(made, title)];
      const { code, stdout, stderr } = await cowbench('ops', ...words, ...dir);
      await t.test(title, () => {
        assert.match(stderr.replace(/\n$/, ''), line);
        assert.equal(stderr.split('\n').length, 2);
        assert.equal(stdout, '');
        assert.equal(code, 2);
      });
    });
    await Promise.all(batch);
  }
  assert.deepEqual(fs.readdirSync(directory), before);
});

test('the starting image is never written over', async () => {
  const file = written('same.ops', SCRIPT);
  const dir = path.join(directory, 'same');
  assert.equal((await cowbench('ops', file, '--start', EMPTY, '--dir', dir)).code, 0);
  const start = path.join(dir, 'same.qcow2');
  const bytes = fs.readFileSync(start);
  const { code, stderr } = await cowbench('ops', file, '--start', start, '--dir', dir);
  assert.equal(code, 2);
  assert.match(stderr, /^cowbench: the run would write over its starting image .*; use another directory\n$/);
  assert.ok(bytes.equals(fs.readFileSync(start)));
});
