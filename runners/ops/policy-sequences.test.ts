import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { STAGE_IDS } from '../../engine/index.ts';
import { fillPage, generatedTables, POLICIES_PAGE } from './policy-sequences.ts';

test('the sequences in docs/policies.md are what the engine does (else: npm run docs:policies)', async () => {
  const page = fs.readFileSync(POLICIES_PAGE, 'utf8');
  const tables = await generatedTables();
  assert.deepEqual([...tables.keys()], [...STAGE_IDS, 'modern', 'ordered', 'reserve']);
  assert.match(tables.get('S0')!, /\| allocate a whole cluster \| `R' D F L'` \| `R' D F L'` \|/);
  assert.equal(fillPage(page, tables), page);
});

test('a page without a place for a stage is refused', () => {
  const tables = new Map([['S0', 'x'] as const, ['S1', 'y'] as const]);
  assert.throws(() => fillPage('<!-- sequences S0 -->\n<!-- end -->', tables), /no marker for S1/);
});
