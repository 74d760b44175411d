/**
 * The counts of today's programs, taken here, against those that the reference recorded (its rows of stage `M`).
 *
 * Writes, bytes, fdatasync calls and the final image are equal to the digit. Two numbers differ by definition:
 *  - reads: the reference let `qemu-img snapshot` find out the format, one read of 512 bytes each time; here it is given.
 *  - fallocates: how qemu zeroes a range depends on the file system; on one that lacks FALLOC_FL_ZERO_RANGE it takes two calls.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { openFile, openImage, perform } from '../../engine/index.ts';
import { type OpScript, patternByte, piecesOf, readScript, type ScriptLine } from '../ops/script.ts';
import type { QemuRequest } from './commands.ts';
import { openQemuSession } from './session.ts';
import { addCalls, noCalls, type SystemCallCounts } from './system-calls.ts';
import { inFolder, plain } from './testing/requests.ts';

const REFERENCE = path.join(import.meta.dirname, '../ops/reference');
const PROBE_BYTES = 512;
/** Allocation with growing refcounts in small clusters; copy-on-write; VM state and snapshots. */
const SCRIPTS = ['12-refblock-grow', '06-cow-after-snap', '10-savevm'];

interface ReferenceRow {
  script: string;
  stage: string;
  mode: string;
  fsyncs: number;
  odsync_writes: number;
  writes: number;
  write_bytes: number;
  reads: number;
  read_bytes: number;
  image_bytes: number;
  image_sha1: string;
}

const rows = JSON.parse(fs.readFileSync(path.join(REFERENCE, 'counts.json'), 'utf8')) as ReferenceRow[];

for (const name of SCRIPTS) {
  for (const cache of ['writethrough', 'writeback'] as const) {
    test(`${name} in ${cache} counts as the reference did`, () =>
      inFolder(async (folder) => {
        const script = readScript(path.join(REFERENCE, 'ops', `${name}.ops`));
        const imagePath = makeStart(script, folder);
        const session = openQemuSession({ imagePath, cache, counted: true });
        session.open();
        for (const line of script.run) session.execute(requestsOf(line).map((r) => plain(r, byteOf(line))));
        session.close();
        const { calls } = await session.end();
        compare(script, cache, sum(calls!), fs.readFileSync(imagePath));
      }));
  }
}

function compare(script: OpScript, mode: string, found: SystemCallCounts, image: Uint8Array): void {
  const row = rows.find((r) => r.script === script.name && r.stage === 'M' && r.mode === mode)!;
  const probes = script.run.filter(({ request }) => request.op.startsWith('snapshot-')).length;
  assert.deepEqual(
    {
      ...{ fsyncs: found.fsyncs, odsync_writes: found.odsyncWrites, writes: found.writes },
      ...{ write_bytes: found.writeBytes, reads: found.reads, read_bytes: found.readBytes },
      image_bytes: image.length,
      image_sha1: createHash('sha1').update(image).digest('hex').slice(0, 12),
    },
    {
      ...{ fsyncs: row.fsyncs, odsync_writes: row.odsync_writes, writes: row.writes },
      ...{ write_bytes: row.write_bytes, reads: row.reads - probes, read_bytes: row.read_bytes - probes * PROBE_BYTES },
      ...{ image_bytes: row.image_bytes, image_sha1: row.image_sha1 },
    },
  );
}

function sum(calls: ReadonlyMap<string, SystemCallCounts>): SystemCallCounts {
  const total = noCalls();
  for (const of of calls.values()) addCalls(total, of);
  return total;
}

/** The empty image of the reference, prepared as the script says. */
function makeStart(script: OpScript, folder: string): string {
  const imagePath = path.join(folder, `${script.name}.qcow2`);
  const empty = `empty-v2-${script.sizeBytes}-${script.clusterSizeBytes}.qcow2.gz`;
  fs.writeFileSync(imagePath, gunzipSync(fs.readFileSync(path.join(REFERENCE, 'empty', empty))));
  if (script.prep.length === 0) return imagePath;
  const file = openFile(imagePath);
  const image = openImage(file, { stage: 'S4b' });
  for (const line of script.prep) {
    assert.ok(line.request.op !== 'reopen' && line.request.op !== 'vmstate-write', `${line.word} in ${script.name}`);
    const { bytes } = plain(line.request, byteOf(line));
    perform(image, line.request, bytes);
  }
  image.close();
  file.close();
  return imagePath;
}

function byteOf(line: ScriptLine): number {
  return patternByte(line.number);
}

function requestsOf({ request }: ScriptLine): QemuRequest[] {
  return request.op === 'reopen' ? [request] : [...piecesOf(request)];
}
