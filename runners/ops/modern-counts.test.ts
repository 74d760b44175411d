/** Policy `modern` does what today's program was counted doing, in every script of the reference that takes no snapshot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runOps } from './run.ts';
import { inFastDirectory, referenceScript, referenceStart, rowsOfToday } from './testing/reference.ts';

/** Today's program was measured with snapshots taken by another, between closing the image and opening it again. */
const TAKES_SNAPSHOTS = new Set(['08-snap-sparse16', '09-snap-dense-64k', '10-savevm']);
const LEAST_ROWS = 20;

test('modern makes the syncs, the writes and the bytes of QEMU 7.2, to the last one', async () => {
  const rows = rowsOfToday().filter(({ script }) => !TAKES_SNAPSHOTS.has(script));
  assert.ok(rows.length >= LEAST_ROWS, `${rows.length} rows`);
  const differences: string[] = [];
  await inFastDirectory(async (directory) => {
    for (const row of rows) {
      const script = referenceScript(row.script);
      const start = referenceStart(script);
      const found = await runOps(script, { policy: 'modern', cache: row.mode, directory, start });
      const { fsyncs, odsync_writes, writes, write_bytes, writes_by_role, write_bytes_by_role } = row;
      const wanted = { fsyncs, odsync_writes, writes, write_bytes };
      differences.push(...differing(`${row.script} ${row.mode}`, found, wanted));
      differences.push(...differing(`${row.script} ${row.mode} writes to`, found.writes_by_role, writes_by_role));
      differences.push(
        ...differing(`${row.script} ${row.mode} bytes to`, found.write_bytes_by_role, write_bytes_by_role),
      );
    }
  });
  assert.deepEqual(differences, []);
});

function differing(title: string, found: object, wanted: object): string[] {
  const is = found as Readonly<Record<string, number>>;
  return Object.entries(wanted).flatMap(([field, value]) =>
    is[field] === value ? [] : [`${title} ${field}: ${is[field] ?? 0}, reference ${value}`],
  );
}
