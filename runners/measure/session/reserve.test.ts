/** `--reserve` and `--preparation` by the real command line: counted, recorded, explored, and refused where they apply to nothing. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { cowbench, filesBelow, recordOf, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

test('each preparation is a cell with its own bytes, in the record and in its name', async () => {
  const own = { workload: 'sequential-write', data: null, span: '16M', 'flush-every': '1', device: 'model:nvme-plp' };
  const words = { ...own, policy: 'ordered,reserve', preparation: 'hole,zeroes', reserve: '1M' };
  const { cells } = recordOf(await cowbench(...smallBench(folder, words, '-q', '--json', '--no-report')));
  assert.deepEqual(
    cells.map(({ id, policy }) => [id, policy.parameters]),
    [
      ['ordered', {}],
      ['reserve/hole/1M', { preparation: 'hole', reserveBytes: 2 ** 20 }],
      ['reserve/zeroes/1M', { preparation: 'zeroes', reserveBytes: 2 ** 20 }],
    ],
  );
  const [, hole, zeroes] = cells.map(({ exact }) => exact!);
  assert.ok(hole!.fsyncs <= 1.02 * 256 && zeroes!.fsyncs === hole!.fsyncs, `${hole!.fsyncs}, ${zeroes!.fsyncs}`);
  const zeroBytes = zeroes!.writeBytes - hole!.writeBytes;
  assert.ok(zeroBytes >= 16 * 2 ** 20 && zeroBytes <= 18 * 2 ** 20, `${zeroBytes} bytes of zeros for 16 MiB`);
  for (const { verification } of cells)
    assert.deepEqual([verification.content, verification.check], ['equal', 'clean']);
});

test('where there is no reserve, and where it is too small, one line says so and nothing is written', async () => {
  const bench = (own: Record<string, string>) => smallBench(folder, own, '-q', '--json');
  for (const [words, expected] of [
    [bench({ policy: 'ordered', reserve: '1M' }), /--reserve: policy ordered has no reserve; reserve has$/],
    [bench({ policy: 'reserve', reserve: '64K' }), /--reserve: 65536 bytes are fewer than 4 clusters of 65536/],
    [
      ['serve', 'absent.qcow2', '-f', 'qcow2', '--port', '0', '--policy', 'modern', '--preparation', 'zeroes'],
      /--preparation: policy modern has no reserve; reserve has$/,
    ],
    [
      ['crash', '-p', 'ordered', '--preparation', 'zeroes'],
      /--preparation: policy ordered has no reserve; reserve has$/,
    ],
  ] as const) {
    const { code, stdout, stderr } = await cowbench(...words);
    assert.deepEqual([code, stdout], [2, ''], stderr);
    assert.match(stderr.trimEnd(), expected);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
    assert.deepEqual(filesBelow(folder), []);
  }
});

test('a power cut violates nothing whatever the preparation', async () => {
  for (const preparation of ['zeroes', 'fallocate']) {
    const words = ['crash', '-p', 'reserve', '--preparation', preparation, '-w', 'drain', '--cluster-size', '512'];
    const { code, stdout, stderr } = await cowbench(...words, '--states', '256', '--json');
    assert.equal(code, 0, stderr);
    const [{ name, tally }] = JSON.parse(stdout) as [{ name: string; tally: { states: number } }];
    assert.equal(name, `reserve ${preparation}`);
    assert.ok(tally.states > 50, `${tally.states} states`);
  }
});
