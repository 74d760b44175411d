/** Comparisons of commits by a worker: both on one machine, of its own history only, the urgent one first. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { RunRecord } from '../../results/record.ts';
import { openStore } from '../stores/open-store.ts';
import { OwnRepository } from '../testing/own-repository.ts';
import { TestFleet } from './testing/test-fleet.ts';
import { WITHOUT_QUEUE } from './testing/without-queue.ts';

let fleet: TestFleet;
before(async () => {
  if (WITHOUT_QUEUE !== false) return;
  fleet = new TestFleet();
  await fleet.server.start();
});
after(() => fleet?.remove());

test('two commits are one run; a commit that the worker has not come from is not run', {
  skip: WITHOUT_QUEUE,
}, async () => {
  await fleet.renew('compare');
  const program = new OwnRepository(fleet.folder);
  const commitNote = (text: string) => {
    fs.writeFileSync(path.join(program.root, 'note.txt'), text);
    program.commit(text);
    return program.git('rev-parse', 'HEAD');
  };
  const base = program.git('rev-parse', 'HEAD');
  const foreign = commitNote('elsewhere');
  program.git('reset', '--quiet', '--hard', base);
  const head = commitNote('here');
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await fleet.watch(program.start(words, fleet.variables)).finished;
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const small = ['--data', '1M', '--workload', 'install-burst', '--policy', 'ordered', '--device', 'model:nvme-plp'];
  const submit = (one: string, ...words: string[]) =>
    run('submit', 'compare', one, 'HEAD', ...small, '--rounds', '1', '--crash', 'none', '--label', 'disk', ...words);
  await submit(foreign);
  await submit('HEAD~1', '--priority', '5');
  assert.equal(
    await run('worker', '--dir', fleet.dirOf('disk'), '--label', 'disk', '--until-empty', '-q'),
    '1 job done\n',
  );
  const [urgent, refused] = (await fleet.asking(
    'SELECT state, output::text AS said FROM cowbench_queue.job ORDER BY started_on',
  )) as { state: string; said: string }[];
  assert.deepEqual([urgent!.state, refused!.state], ['completed', 'failed']);
  assert.match(refused!.said, /commit [0-9a-f]{12} is not in the history of the worker's checkout/);
  await using store = await openStore(fleet.url);
  const records: RunRecord[] = [];
  for await (const { runId } of store.find({})) records.push(JSON.parse((await store.document(runId))!));
  const [{ cells, comparisons }] = records as [RunRecord];
  assert.deepEqual(
    cells.map(({ id, policy }) => [id, policy.parameters.commit]),
    [`base ${base}`, `head ${head}`].map((text) => [`ordered @ ${text.slice(0, 12)}`, text.slice(5, 17)]),
  );
  assert.deepEqual(cells[0]!.exact, cells[1]!.exact);
  assert.equal(comparisons![0]!.exact!.verdict, 'equal');
});
