/** Servers of images as engines, by the real command line: side by side, compared, gated, and refused. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { protocolLines } from '../../../dashboards/text/protocol-text.ts';
import { cowbench, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const GOOD = 'nbd:qemu-nbd -k {socket} -f qcow2 --discard=unmap {image}';
/** The same program with one sync more than it has. */
const SYNCING = 'nbd:sync {image}; exec qemu-nbd -k {socket} -f qcow2 --discard=unmap {image}';

const small = (...flags: string[]) =>
  smallBench(
    folder,
    { workload: 'install-burst', data: '256K', policy: 'writeback' },
    '--json',
    '-q',
    '--no-report',
    ...flags,
  );

test('servers of any format are cells of the run: counted, timed, verified, with the price of the protocol', async () => {
  const vmdk = 'vm disk=nbd:qemu-nbd -k {socket} -f vmdk {image:vmdk}';
  const engines = ['--engine', `cowbench,${GOOD}`, '--engine', vmdk, '--engine', 'nbd:null'];
  const record = recordOf(await cowbench(...small(...engines)));
  const [own, server, foreign, protocol] = record.cells;
  assert.deepEqual(
    record.cells.map(({ id, engine, image }) => [id, engine, image.version]),
    [
      ['writeback', 'cowbench', 3],
      ['nbd qemu-nbd', 'nbd', 3],
      ['vm disk', 'nbd', null],
      ['protocol', 'null', null],
    ],
  );
  for (const { exact } of [server!, foreign!, protocol!]) assert.deepEqual(exact!.guest, own!.exact!.guest);
  for (const { verification } of [server!, foreign!])
    assert.deepEqual([verification.content, verification.check], ['equal', 'clean']);
  assert.ok(server!.exact!.fsyncs > 0 && server!.exact!.writes > 0);
  assert.ok(server!.rounds[0]!.wallNs > 0 && server!.rounds[0]!.peakMemoryBytes > 0);
  assert.deepEqual(
    [protocol!.exact!.fsyncs, protocol!.exact!.writes, protocol!.verification.content],
    [0, 0, 'not-run'],
  );
  assert.match(
    protocolLines(record).join('\n'),
    /^protocol, a server that keeps nothing: .* µs each; \d+ % of the time of nbd qemu-nbd; /,
  );
});

test('one sync more is found between two servers in one round', async () => {
  const options = ['--workload', 'overwrite', '--span', '256K', '--writes', '8', '--rounds', '0', '--no-report', '-q'];
  const places = ['--dir', folder, '--out', path.join(folder, 'runs')];
  const { code, stdout, stderr } = await cowbench('compare', GOOD, SYNCING, ...options, ...places);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^regression: nbd sync @ head: fsyncs (\d+) -> (\d+)$/m);
  const [, before, after] = /fsyncs (\d+) -> (\d+)/.exec(stderr)!;
  assert.equal(Number(after), Number(before) + 1);
  assert.match(stdout, /nbd qemu-nbd @ base/);
});

test('one sync more is found by the gate', async () => {
  const baseline = path.join(folder, 'baseline.json');
  const gate = (engine: string, ...words: string[]) =>
    cowbench('gate', '--engine', engine, '--baseline', baseline, '-q', ...words);
  const made = await gate(GOOD, '--update');
  assert.deepEqual([made.code, made.stderr], [0, '']);
  const worse = await gate(SYNCING);
  assert.equal(worse.code, 1);
  // The sync is all that differs.
  assert.equal([...worse.stdout.matchAll(/^\| /gm)].length, 2 + 4);
  assert.match(worse.stdout, /gate: regression[\s\S]*\| overwrite [^|]*\| \*\*fsyncs\*\* \| (\d+) \|/);
  assert.ok(worse.stdout.includes(`\nEngine: ${SYNCING}\n`));
  // The command that the summary gives takes over what it counted.
  const [, update] = /run `cowbench (.*)` and commit/.exec(worse.stdout)!;
  assert.equal(update, `gate --engine '${SYNCING}' --baseline ${baseline} --update`);
});

test('a command that cannot be an engine is one line, and leaves nothing', async () => {
  for (const [engine, expected] of [
    ['nbd:false # {socket} {image}', /--engine nbd false: it ended before it listened on \{socket\} \(exit code 1\)/],
    ['nbd:qemu-nbd {image}', /has no \{socket\}/],
    ['nbd:qemu-nbd -k {socket} -f raw /nowhere # {image}', /--engine nbd qemu-nbd: .*\/nowhere/],
    ['qemu=/nowhere', /the qemu engine needs qemu-io, which is not in \/nowhere/],
  ] as const) {
    const { code, stdout, stderr } = await cowbench(...small('--engine', engine));
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr, new RegExp(`^cowbench: [^\n]*${expected.source}[^\n]*\n$`));
    assert.equal(fs.existsSync(path.join(folder, 'images')) && fs.readdirSync(path.join(folder, 'images')).length, 0);
  }
  const savevm = smallBench(folder, { workload: 'savevm', data: null, engine: GOOD }, '-q');
  assert.match((await cowbench(...savevm)).stderr, /--engine nbd: workload savevm asks for vmstate-write/);
});

test('two builds of qemu are two cells', async () => {
  const [io, img] = ['qemu-io', 'qemu-img'].map(
    (name) =>
      ['/usr/local/bin', '/usr/bin'].map((at) => path.join(at, name)).find((file) => fs.existsSync(file)) ?? name,
  );
  for (const build of ['a', 'b']) {
    fs.mkdirSync(path.join(folder, build));
    fs.symlinkSync(io!, path.join(folder, build, 'qemu-io'));
    fs.symlinkSync(img!, path.join(folder, build, 'qemu-img'));
  }
  const record = recordOf(await cowbench(...small('--engine', `qemu=${folder}/a,qemu=${folder}/b`)));
  const [a, b] = record.cells;
  assert.equal(b!.id, `${a!.id} (${folder}/b)`);
  assert.deepEqual([a!.policy.parameters.folder, b!.policy.parameters.folder], [`${folder}/a`, `${folder}/b`]);
  assert.deepEqual(b!.exact, a!.exact);
});
