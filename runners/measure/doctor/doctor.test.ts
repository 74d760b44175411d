/** The doctor by the real command line, on a replay so small that it has little to say. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readRecord } from '../../../results/store.ts';
import { cowbench, filesBelow, smallBench, temporaryFolder } from '../../testing/command.ts';

let folder = '';
before(() => {
  folder = temporaryFolder();
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

test('the doctor leaves a page that holds its samples, linked from the report, and no image', async () => {
  const [, ...words] = smallBench(folder, { policy: 'writeback', data: '4M' }, '--quiet');
  const { code, stdout, stderr } = await cowbench('doctor', ...words);
  assert.deepEqual([code, stderr], [0, '']);
  const [, finding, page] = /^doctor: (.*, \d+ samples): (.*)$/m.exec(stdout)!;
  const data = /<script type="application\/json" id="clinic-data">(.*?)<\/script>/s.exec(
    fs.readFileSync(page!, 'utf8'),
  );
  const { processStat } = JSON.parse(data![1]!);
  assert.ok(processStat.length >= 1, 'the doctor never got its turn');
  assert.ok(finding!.endsWith(` ${processStat.length} samples`), finding);

  const record = readRecord(/^record: (.*)$/m.exec(stdout)![1]!);
  const attachment = record.attachments!.find(({ file }) => file === path.basename(page!));
  assert.match(attachment!.title, /^Clinic Doctor on writeback: .* samples \(a hint, not a verdict\)$/);
  const report = fs.readFileSync(/^report: (.*)$/m.exec(stdout)![1]!, 'utf8');
  assert.ok(report.includes(`href="./${path.basename(page!)}"`), 'the report has no link to the page');
  assert.match(stdout, /^CPU time of writeback, by part:\n +\d+\.\d %/m);

  assert.deepEqual(fs.readdirSync(path.join(folder, 'images')), []);
  const endings = filesBelow(path.join(folder, 'runs')).map((file) => path.basename(file).replace(/^[^.]*/, ''));
  assert.deepEqual(endings.sort(), ['.html', '.json', '.writeback.cpuprofile', '.writeback.doctor.html']);
});
