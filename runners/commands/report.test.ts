/** `cowbench report` where there is nothing to draw, or nothing to draw it with: one plain line, and nothing is written. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeRecord } from '../../results/store.ts';
import { CLI, cowbench, recordOf, smallBench, startProgram, temporaryFolder } from '../testing/command.ts';

let folder = '';
let recordFile = '';
before(async () => {
  folder = temporaryFolder();
  const own = { workload: 'sequential-write', data: null, span: '64k', policy: 'writeback', device: 'model:nvme-plp' };
  const record = recordOf(await cowbench(...smallBench(folder, own, '--no-report', '--json', '--quiet')));
  recordFile = path.join(folder, 'one.json');
  writeRecord(recordFile, record);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('every question is either drawn or refused with its reason', async () => {
  const { QUESTION_IDS } = await import('../../dashboards/index.ts');
  let [drawn, refused] = [0, 0];
  for (const question of QUESTION_IDS) {
    const picture = path.join(folder, `${question}.svg`);
    const { code, stderr } = await cowbench(
      'report',
      recordFile,
      '--format',
      'svg',
      '--question',
      question,
      '--out',
      picture,
    );
    assert.doesNotMatch(stderr, /defect/, question);
    assert.equal(fs.existsSync(picture), code === 0, question);
    if (code === 0) drawn++;
    else refused++;
    if (code !== 0) assert.match(stderr, new RegExp(`^cowbench: chart '${question}': .+\\n$`));
  }
  assert.ok(drawn > 0 && refused > 0, `${drawn} drawn, ${refused} refused`);
});

test('a PNG without Chromium on the PATH says what is missing', async () => {
  const words = [
    'report',
    recordFile,
    '--format',
    'png',
    '--question',
    'file-map',
    '--out',
    path.join(folder, 'x.png'),
  ];
  const { finished } = startProgram(process.execPath, [CLI, ...words], { ...process.env, PATH: folder });
  const { code, stderr } = await finished;
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^cowbench: PNG needs Chromium, and 'chromium' cannot be started: apt-get install chromium brings it; SVG needs nothing\n$/,
  );
});
