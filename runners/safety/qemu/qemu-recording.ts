/**
 * A crash workload in the hands of the installed QEMU: recorded by its own `blklogwrites` driver and brought into the form that
 * the explorer takes, so that the same judge judges it.
 *
 * Invariants:
 *  1. It writes the values that every policy of ours writes. What was done before the recording QEMU did too: what a table
 *     holds that no reader needs, such as COPIED in a snapshot's L1 table, differs between programs and decides what breaks.
 *  2. Like our own recordings it ends with the last request; what closing the image writes is not in it.
 *  3. A sync right after a sync, in one request, is left out: it makes nothing durable, and chance decides whether there is one. Two
 *     tasks of a request may ask for a flush at once, and the second joins the first or comes too late for it. Where a write of one
 *     task comes between them, recordings of one workload still differ by a barrier.
 *  4. One request is in flight at a time: whatever the log holds when a request is acknowledged was done for it, or before.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  createImage,
  decodeWriteLogEntries,
  MemoryFile,
  Qcow2Error,
  type RecordedChange,
  SECTOR_BYTES,
} from '../../../engine/index.ts';
import { type QemuRecording, recordQemu } from '../../qemu/recording.ts';
import { openQemuSession, type RequestWithData } from '../../qemu/session.ts';
import { type CrashWorkload, ValueTable } from '../requests/crash-workload.ts';
import { NOT_A_VALUE, sectorsOf, valueAt } from '../requests/guest-values.ts';
import type { CrashRecording } from '../states/record-workload.ts';

/** Why QEMU's tools cannot carry out `workload`; null when they can. */
export function whyNotByQemu(workload: CrashWorkload): string | null {
  if (workload.recordsCreation) return 'qemu-img create cannot write through a log';
  const savesVm = workload.during.some(({ op, ...rest }) => 'vmStateBytes' in rest && op === 'snapshot-create');
  return savesVm ? 'qemu-img cannot take a snapshot with VM state (savevm needs a running machine)' : null;
}

/**
 * Has QEMU carry out `workload`, in writeback mode.
 * @throws Qcow2Error UNSUPPORTED for one that it cannot carry out, Qcow2Error of {@link recordQemu} when a request fails,
 * UsageError when QEMU is not installed.
 */
export async function recordByQemu(workload: CrashWorkload): Promise<CrashRecording> {
  const reason = whyNotByQemu(workload);
  if (reason !== null) throw new Qcow2Error('UNSUPPORTED', `workload ${workload.name}: ${reason}`);
  const values = new ValueTable(workload);
  const folder = fs.mkdtempSync(path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'cowbench-'));
  try {
    const imagePath = path.join(folder, 'image.qcow2');
    const requests = requestsWithData(values);
    const base = await prepareByQemu(workload, imagePath, requests.slice(0, workload.before.length));
    const options = {
      imagePath,
      logPath: path.join(folder, 'log'),
      cache: 'writeback',
      driver: cacheSizes(workload),
    } as const;
    const recorded = await recordQemu(requests.slice(workload.before.length), options);
    const log = fs.readFileSync(recorded.logPath);
    // Of requests that change nothing it is not even begun.
    const entries = log.length === 0 ? [] : decodeWriteLogEntries(log, 'the log of blklogwrites');
    const changes = changesOf(workload, base.length, recorded, entries);
    const events = changes.map((change, sequence) => ({ ...change, sequence }));
    return { workload, values, base, events, durableAt: 'flush', failures: new Map() };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Makes the image and leaves it as QEMU does after `requests`; returns what is in it. */
async function prepareByQemu(
  { image }: CrashWorkload,
  imagePath: string,
  requests: readonly RequestWithData[],
): Promise<Uint8Array> {
  const empty = new MemoryFile(imagePath);
  createImage(empty, image);
  fs.writeFileSync(imagePath, empty.bytes());
  const session = openQemuSession({ imagePath, cache: 'writeback', counted: false });
  try {
    session.open();
    session.execute(requests);
    session.close();
  } finally {
    await session.end();
  }
  return new Uint8Array(fs.readFileSync(imagePath));
}

/** QEMU holds at least two L2 tables and four refcount blocks, whatever it is given. */
function cacheSizes({ cacheTables, image }: CrashWorkload): Record<string, number> {
  if (cacheTables === null) return {};
  return {
    'l2-cache-size': cacheTables.l2 * image.clusterSizeBytes,
    'refcount-cache-size': cacheTables.refcounts * image.clusterSizeBytes,
  };
}

function requestsWithData(values: ValueTable): RequestWithData[] {
  return values.requests.map((request, index) => ({
    request,
    bytes: sectorsOf(values.firstOf(index), values.countOf(index)),
  }));
}

/** The log's changes, with marks where a request begins and where it was acknowledged. */
function changesOf(
  workload: CrashWorkload,
  baseBytes: number,
  { guestEvents }: QemuRecording,
  entries: readonly (readonly RecordedChange[])[],
): RecordedChange[] {
  const changes: RecordedChange[] = [];
  let sizeBytes = baseBytes;
  let request = workload.before.length;
  for (const { request: served, firstLogEntry, lastLogEntry, imageBytes } of guestEvents) {
    if (served.op === 'close') break;
    const isGuests = served.op !== 'open';
    if (isGuests) changes.push({ op: 'mark', mark: { request, phase: 'start' } });
    for (const change of entries.slice(firstLogEntry, lastLogEntry + 1).flat()) {
      if (change.op === 'sync' && changes.at(-1)?.op === 'sync') continue;
      if (change.op === 'write') sizeBytes = Math.max(sizeBytes, change.offset + change.bytes.length);
      changes.push(named(change, workload.image.clusterSizeBytes));
    }
    // The driver passes a cut of the file on without a word; when it came, no more is known than before the acknowledgement.
    if (imageBytes !== sizeBytes) changes.push({ op: 'truncate', sizeBytes: imageBytes, failed: false });
    sizeBytes = imageBytes;
    if (isGuests) changes.push({ op: 'mark', mark: { request: request++, phase: 'ack' } });
  }
  return changes;
}

/** Says of a write what its place and its bytes tell: the header, or nothing but values of the guest. */
export function named(change: RecordedChange, clusterSizeBytes: number): RecordedChange {
  if (change.op !== 'write') return change;
  if (change.offset + change.bytes.length <= clusterSizeBytes) return { ...change, kind: 'header' };
  const words = new Uint32Array(change.bytes.buffer, change.bytes.byteOffset, change.bytes.length / 4);
  for (let at = 0; at < words.length; at += SECTOR_BYTES / 4) {
    const value = valueAt(words, at);
    if (value === NOT_A_VALUE || value === 0) return change;
  }
  return { ...change, kind: 'data' };
}
