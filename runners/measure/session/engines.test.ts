/** The installed qemu beside the engine, and requests sent on a schedule, by the real command line. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { askVersion } from '../../qemu/tools.ts';
import { cowbench, filesBelow, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const small = (own: Record<string, string | null>, ...flags: string[]) =>
  smallBench(
    folder,
    { workload: 'overwrite', data: null, span: '512K', writes: '16', ...own },
    '--json',
    '-q',
    '--no-report',
    ...flags,
  );

function qemuIsMissing(): boolean {
  try {
    askVersion('qemu-io', process.env.PATH);
    return false;
  } catch {
    return true;
  }
}

test('qemu is a policy of the run: the same guest, verified the same way, on the same storage', async (context) => {
  if (qemuIsMissing() && !process.env.CI) return context.skip('NOT TESTED: qemu-io is not installed');
  const record = recordOf(await cowbench(...small({ policy: 'writeback', engine: 'cowbench,qemu', rounds: '1' })));
  const [own, installed] = record.cells;
  const name = `qemu ${askVersion('qemu-io', process.env.PATH)}`;
  assert.deepEqual([installed!.engine, installed!.policy.name, installed!.rounds.length], ['qemu', name, 2]);
  assert.equal(installed!.id, name);
  // Both of its times are kept: with commands sent ahead, and one by one.
  for (const { wallNs, oneByOneNs } of installed!.rounds) assert.ok(wallNs > 0 && oneByOneNs! > 0);
  assert.ok(own!.rounds.every(({ oneByOneNs }) => oneByOneNs === undefined));
  assert.deepEqual(installed!.exact!.guest, own!.exact!.guest);
  assert.deepEqual([installed!.verification.content, installed!.verification.check], ['equal', 'clean']);
  assert.equal(own!.control!.length, 1);
  assert.deepEqual(
    record.comparisons!.map(({ baseline, candidate }) => [baseline, candidate]),
    [[own!.id, installed!.id]],
  );
});

test('a raw file takes the same requests in the same run, each preparation a cell of its own', async () => {
  const own = { policy: 'writeback', engine: 'cowbench,raw,raw:zeroes', device: 'model:nvme-plp', 'flush-every': '4' };
  const record = recordOf(await cowbench(...small(own)));
  const [image, sparse, zeroes] = record.cells;
  assert.deepEqual(
    record.cells.map(({ id, engine, policy }) => [id, engine, policy.name]),
    [
      ['writeback', 'cowbench', 'writeback'],
      ['raw:sparse', 'raw', 'raw:sparse'],
      ['raw:zeroes', 'raw', 'raw:zeroes'],
    ],
  );
  assert.deepEqual(sparse!.exact!.guest, image!.exact!.guest);
  assert.deepEqual(zeroes!.exact, sparse!.exact);
  assert.deepEqual([sparse!.exact!.fsyncs, sparse!.exact!.writes], [4, 16]);
  const { raw, waits, writes, wall } = image!.rawMultiples!;
  assert.deepEqual([raw, waits, writes], ['raw:sparse', image!.exact!.fsyncs / 4, image!.exact!.writes / 16]);
  assert.equal(wall!.ratio, image!.rounds[0]!.wallNs / sparse!.rounds[0]!.wallNs);
  assert.equal(sparse!.rawMultiples, undefined);
  assert.equal(sparse!.image.version, null);
  assert.equal(sparse!.verification.content, 'equal');
});

test('what a raw file cannot do is one line, before anything is written', async () => {
  const trace = path.join(folder, 'huge.iolog');
  fs.writeFileSync(trace, 'fio version 3 iolog\n0 f write 0 4096\n');
  const huge = { workload: `trace:${trace}`, 'disk-size': '1000T', span: null, writes: null };
  for (const [own, expected] of [
    [{ engine: 'raw:fast' }, /--engine: unknown engine "raw:fast"/],
    [
      { engine: 'raw', workload: 'savevm', span: null, writes: null },
      /savevm asks for vmstate-write, which only an image/,
    ],
    [{ engine: 'raw', 'image-option': 'extended_l2=on' }, /--image-option: --engine raw alone makes no image/],
    [
      { engine: 'raw:zeroes', ...huge },
      /--engine raw:zeroes: the whole disk takes 1048576000 MiB, and \d+ MiB are free/,
    ],
    [
      { engine: 'raw:falloc', ...huge },
      /--engine raw:falloc: the whole disk takes 1048576000 MiB, and \d+ MiB are free/,
    ],
  ] as const) {
    const { code, stdout, stderr } = await cowbench(...small(own));
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr, new RegExp(`^cowbench: [^\n]*${expected.source}[^\n]*\n$`));
    assert.equal(fs.existsSync(path.join(folder, 'runs')), false);
    assert.deepEqual(fs.readdirSync(path.join(folder, 'images')), []);
  }
});

test('qemu knows no modelled device and no pace', async () => {
  for (const own of [{ device: 'model:nvme-plp' }, { pace: '100' }]) {
    const { code, stderr } = await cowbench(...small({ engine: 'cowbench,qemu', ...own }));
    assert.equal(code, 2);
    assert.match(stderr, /^cowbench: --(engine qemu runs on real storage only|pace: )[^\n]*\n$/);
  }
});

test('a paced run lasts as long as its schedule, and its fast requests stay fast', async () => {
  const [cell] = recordOf(
    await cowbench(...small({ policy: 'writeback', device: 'model:nvme-plp', pace: '100' })),
  ).cells;
  const { reads, writes, flushes, discards, other } = cell!.exact!.guest;
  const lastDueNs = (reads + writes + flushes + discards + other - 1) * 1e7;
  const { wallNs } = cell!.rounds[0]!;
  assert.ok(wallNs >= lastDueNs && wallNs < lastDueNs + 1e7, `${wallNs} for a schedule of ${lastDueNs}`);
  assert.ok(cell!.histograms.guestWrite!.maxNs < 1e7);
  const bad = await cowbench(...small({ pace: 'trace' }));
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /--pace trace: request 1 \(\w+\) has no time; give a rate instead/);
});

test('a device trace a cell, a profile a cell, and the parts of its CPU time', async () => {
  const trace = path.join(folder, 'device.iolog');
  const own = { policy: 'legacy,writeback', device: 'model:nvme-plp', 'export-device-trace': trace };
  const record = recordOf(await cowbench(...small(own, '--cpu-prof')));
  for (const [index, name] of ['legacy', 'writeback'].entries()) {
    const lines = fs.readFileSync(path.join(folder, `device.${name}.iolog`), 'utf8').split('\n');
    const { exact, profile, cpuStacks } = record.cells[index]!;
    assert.equal(lines.filter((line) => line.includes(' datasync ')).length, exact!.fsyncs);
    assert.equal(lines.filter((line) => line.includes(' write ')).length, exact!.writes);
    assert.ok(Math.abs(profile!.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
    const paths = cpuStacks!.frames.filter(({ depth }) => depth === 0);
    assert.ok(paths.length > 0 && paths.every(({ totalNs }) => totalNs <= cpuStacks!.totalNs));
    assert.equal(new Set(cpuStacks!.frames.map(({ place }) => place.startsWith('/'))).has(true), false);
  }
  const profiles = filesBelow(path.join(folder, 'runs')).filter((file) => file.endsWith('.cpuprofile'));
  assert.deepEqual(
    profiles.map((file) => path.basename(file)).toSorted(),
    record.attachments!.map(({ file }) => file).toSorted(),
  );
});
