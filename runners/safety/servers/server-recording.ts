/**
 * A crash workload in the hands of any program that serves an image over NBD: its image is a file that nbdfuse shows, and what it writes and syncs
 * there is recorded by the served disk that the file shows. So a program is explored that knows nothing of it.
 *
 * As with QEMU's own log, the recording ends with the last request, and one request is in flight at a time.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type BlockRequest, createImage, MemoryFile, Qcow2Error } from '../../../engine/index.ts';
import { ServerProcess } from '../../nbd/server-process.ts';
import { NbdClient } from '../../serve/nbd-client.ts';
import { named } from '../qemu/qemu-recording.ts';
import { type CrashWorkload, ValueTable } from '../requests/crash-workload.ts';
import { sectorsOf } from '../requests/guest-values.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import { MountedFile } from './mounted-file.ts';
import { RecordingServer } from './recording-server.ts';

/** The file does not grow: it has space for all that a workload allocates. */
const SPARE_CLUSTERS = 64;
const BLOCK_OPS: readonly string[] = ['read', 'write', 'discard', 'write-zeroes', 'flush'];

/** Why a server cannot carry out `workload`; null when it can. */
export function whyNotByServer({ before, during, recordsCreation }: CrashWorkload): string | null {
  if (recordsCreation) return 'a server serves images that exist';
  const other = [...before, ...during].find(({ op }) => !BLOCK_OPS.includes(op));
  return other === undefined ? null : `a server cannot do ${other.op}`;
}

/** Has the server that `command` starts carry out `workload`. @throws UsageError for a command that cannot be used, Qcow2Error IO when it fails. */
export async function recordByServer(workload: CrashWorkload, command: string): Promise<CrashRecording> {
  const values = new ValueTable(workload);
  const count = workload.before.length;
  const requests = values.requests.map((request, index) => ({
    request: request as BlockRequest,
    bytes: sectorsOf(values.firstOf(index), values.countOf(index)),
  }));
  const base = await onServer(emptyImage(workload), command, async (client) => {
    for (const { request, bytes } of requests.slice(0, count)) await client.perform(request, bytes);
  });
  const { recording } = await onServer(base.bytes(), command, async (client, { recording }) => {
    for (const [index, { request, bytes }] of requests.slice(count).entries()) {
      recording.mark({ request: count + index, phase: 'start' });
      await client.perform(request, bytes);
      recording.mark({ request: count + index, phase: 'ack' });
    }
  });
  const last = recording.events.findLastIndex(({ op }) => op === 'mark');
  const { clusterSizeBytes } = workload.image;
  const events = recording.events.slice(0, last + 1).map((event) => {
    const plain = event.op === 'write' ? { ...event, kind: null } : event;
    return { ...named(plain, clusterSizeBytes), sequence: event.sequence };
  });
  return { workload, values, base: base.bytes(), events, durableAt: 'flush', failures: new Map() };
}

function emptyImage({ image }: CrashWorkload): Uint8Array {
  const empty = new MemoryFile('image');
  createImage(empty, image);
  empty.truncate(empty.sizeBytes() + image.sizeBytes + SPARE_CLUSTERS * image.clusterSizeBytes);
  return empty.bytes();
}

/** Starts the server on a recorded file that begins as `base`, has `work` done, and ends it. */
async function onServer(
  base: Uint8Array,
  command: string,
  work: (client: NbdClient, server: RecordingServer) => Promise<void>,
): Promise<RecordingServer> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  const recorded = new RecordingServer(base);
  let mounted: MountedFile | null = null;
  let server: ServerProcess | null = null;
  try {
    const socketPath = path.join(folder, 'socket');
    await recorded.listen(socketPath);
    mounted = await MountedFile.mount(path.join(folder, 'mnt'), socketPath);
    const options = { name: 'nbd', command, imagePath: mounted.path, traced: false, connects: false };
    server = await ServerProcess.start(options);
    const client = await connect(server.socketPath);
    await work(client, recorded).catch((error: Error) => {
      throw new Qcow2Error('IO', `the server failed: ${error.message}`);
    });
    client.close();
    await server.end();
    return recorded;
  } catch (error) {
    await server?.kill();
    throw error;
  } finally {
    await mounted?.unmount();
    recorded.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function connect(socketPath: string): Promise<NbdClient> {
  for (let tries = 0; ; tries++) {
    try {
      return await NbdClient.connect(socketPath);
    } catch (error) {
      if (tries === 500) throw new Qcow2Error('IO', `the server does not answer: ${(error as Error).message}`);
      await wait(10);
    }
  }
}
