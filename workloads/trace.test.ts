/** Traces that users bring: what is made of their files, their times and their lines, and what is said about it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findWorkload } from './registry.ts';
import { collect, fileWith, inTemporaryFolder } from './testing/temporary.ts';
import type { Workload } from './workload.ts';

const V3 = 'fio version 3 iolog\n';
const CONTEXT = { seed: 1, clusterSizeBytes: 65536 };

function traceOf(
  text: string,
  parameters: Record<string, string>,
  check: (workload: Workload) => Promise<void> | void,
) {
  return inTemporaryFolder(async (folder) => {
    await check(await findWorkload(`trace:${fileWith(folder, 'w.log', text)}`, parameters, CONTEXT));
  });
}

test('all files of a log lie one after another on one disk, each on a multiple of 1 MiB', () =>
  traceOf(
    `${V3}0 a write 0 4096\n1 b write 1048576 512\n2 c sync 0 0\n3 a sync 0 0\n4 d write 512 512\n5 b trim 0 512\n`,
    { files: 'all' },
    async (workload) => {
      const mib = 1024 * 1024;
      assert.deepEqual(await collect(workload.requests()), [
        { op: 'write', offset: 0, length: 4096, atUs: 0 },
        { op: 'write', offset: 2 * mib, length: 512, atUs: 1 },
        { op: 'flush', atUs: 2 },
        { op: 'flush', atUs: 3 },
        { op: 'write', offset: 3 * mib + 512, length: 512, atUs: 4 },
        { op: 'discard', offset: mib, length: 512, atUs: 5 },
      ]);
      assert.equal(workload.diskSizeBytes, 3 * mib + 1024);
      assert.deepEqual(workload.notes, [
        'the 4 files of the trace are laid out one after another on one disk, and a flush of one flushes all',
      ]);
    },
  ));

test('several files are an error that names both ways out; files that do not fit are one, too', async () => {
  const two = `${V3}0 a write 0 4096\n1 b write 0 4096\n`;
  const refused = (parameters: Record<string, string>, message: RegExp) =>
    assert.rejects(
      traceOf(two, parameters, () => {}),
      message,
    );
  await refused({}, /:3: two files, "a" and "b"; --file NAME picks one, --files all replays all$/);
  await refused({ files: 'all', 'disk-size': '1M' }, /its 2 files need 1052672 bytes, more than the disk of 1048576/);
  await refused({ files: 'all', file: 'a' }, /--file picks one, --files all takes all/);
  await traceOf(two, { file: 'b' }, async (workload) => assert.equal((await collect(workload.requests())).length, 1));
});

/** A log of writes with `gap` between them, each followed after `pause` by a flush. */
function log(count: number, gap: number, pause: number): string {
  const lines = Array.from(
    { length: count },
    (_, index) => `${index * gap} d write 0 512\n${index * gap + pause} d sync 0 0\n`,
  );
  return V3 + lines.join('');
}

const lastTime = async (workload: Workload) => {
  const last = (await collect(workload.requests())).at(-1)!;
  return 'atUs' in last ? last.atUs : undefined;
};

test('a log in nanoseconds is recognised and said so; one in microseconds never is, however idle its guest', async () => {
  await traceOf(log(20, 50_000_000, 80_000), {}, async (workload) => {
    assert.equal(await lastTime(workload), 950_080);
    assert.match(workload.notes.join('\n'), /look like nanoseconds .*--time-unit us/);
  });
  for (const [gap, pause] of [
    [20_000, 300],
    [50_000_000, 300],
    [100_000, 5_000],
  ] as const) {
    await traceOf(log(20, gap, pause), {}, async (workload) => {
      assert.equal(await lastTime(workload), 19 * gap + pause);
      assert.deepEqual(workload.notes, []);
    });
  }
});

test('a unit that is given is taken', async () => {
  const nanoseconds = log(20, 50_000_000, 80_000);
  await traceOf(nanoseconds, { 'time-unit': 'us' }, async (workload) => {
    assert.equal(await lastTime(workload), 950_080_000);
    assert.deepEqual(workload.notes, []);
  });
  await traceOf(log(2, 5000, 300), { 'time-unit': 'ns' }, async (workload) =>
    assert.equal(await lastTime(workload), 5),
  );
});

test('what precedes the first wait of v2 is at time 0; without any wait there are no times', async () => {
  const text = 'fio version 2 iolog\nf write 0 4096\nf wait 1000\nf write 4096 4096\n';
  const times = async (workload: Workload) =>
    (await collect(workload.requests())).map((r) => ('atUs' in r ? r.atUs : null));
  await traceOf(text, {}, async (workload) => assert.deepEqual(await times(workload), [0, 1000]));
  await traceOf(text.replace('f wait 1000\n', ''), {}, async (w) => assert.deepEqual(await times(w), [null, null]));
});
