/** `docs/peers.md`: every row has a place in the table, and names tests that exist. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

const ROOT = new URL('../../', import.meta.url);

function testFiles(): Set<string> {
  const files = fs.readdirSync(ROOT, { recursive: true, encoding: 'utf8' });
  return new Set(
    files
      .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
      .map((file) => file.split('/').at(-1)!),
  );
}

test('each row says what both programs do, why where they differ, and which test shows it', () => {
  const rows = fs
    .readFileSync(new URL('docs/peers.md', ROOT), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') || line.startsWith('|--'))
    .slice(2);
  const known = testFiles();
  assert.ok(rows.length > 30, `${rows.length} rows`);
  for (const row of rows) {
    const cells = row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    assert.equal(cells.length, 5, row);
    const [what, , ours, why, tests] = cells as [string, string, string, string, string];
    assert.ok(what !== '' && ours !== '', row);
    const isSame =
      /^(the same|refused|done|one write|every cluster stored|repaired first|the last counts|the content stays)/.test(
        ours,
      );
    assert.ok(isSame || why !== '', `${what}: why does it differ?`);
    for (const [, name] of tests.matchAll(/`([^`]+)`/g))
      assert.ok(known.has(name!), `${what}: there is no test ${name}`);
  }
});
