/**
 * A gate for CI: fails when a policy needs more syncs than a committed file says. Counts are exact, so that one round on any
 * runner is enough.
 *
 *     cowbench bench --workload install-burst --data 4M --rounds 0 --json > run.json
 *     node examples/ci-gate.ts run.json syncs.json
 */
import fs from 'node:fs';
import { readRecord } from 'cowbench/results';

const [recordFile, limitsFile] = process.argv.slice(2);
if (recordFile === undefined || limitsFile === undefined) {
  console.error('usage: ci-gate.ts RECORD LIMITS');
  process.exit(2);
}
const limits: Record<string, number> = fs.existsSync(limitsFile) ? JSON.parse(fs.readFileSync(limitsFile, 'utf8')) : {};
const found = Object.fromEntries(
  readRecord(recordFile).cells.flatMap(({ id, exact }) => (exact === null ? [] : [[id, exact.fsyncs]])),
) as Record<string, number>;
const worse = Object.entries(found).filter(([id, syncs]) => syncs > (limits[id] ?? Number.POSITIVE_INFINITY));
for (const [id, syncs] of worse) console.error(`${id}: ${syncs} syncs, the limit is ${limits[id]}`);
if (worse.length > 0) process.exit(1);
// Fewer is the new limit: commit the file.
fs.writeFileSync(limitsFile, `${JSON.stringify(found, null, 2)}\n`);
console.log(`${Object.keys(found).length} policies within their limits`);
