/**
 * Records what the installed qemu writes to an image, for the crash explorer: a log in dm-log-writes format made by qemu's
 * own `blklogwrites` driver under qcow2, and which of its entries were made while which request was served.
 *
 * qemu acknowledges a request after the last entry that it names and before the first of the next one.
 */
import fs from 'node:fs';
import type { HostCacheMode } from '../../engine/index.ts';
import type { QemuRequest } from './commands.ts';
import { LogFollower } from './log-follower.ts';
import { openQemuSession, type QemuSession, type RequestWithData } from './session.ts';

export interface RecordingOptions {
  /** The image to start from; it is changed. Whoever explores crashes needs a copy made before. */
  readonly imagePath: string;
  /** The log to make. */
  readonly logPath: string;
  readonly cache: HostCacheMode;
  /** Options of the qcow2 driver by name, such as `lazy-refcounts`. */
  readonly driver?: Readonly<Record<string, string | number>>;
}

/** Opening and closing the image write too, but no guest asked for it. */
export type RecordedRequest = QemuRequest | { readonly op: 'open' | 'close' };

export interface RecordedEvent {
  readonly request: RecordedRequest;
  /** Index of its first log entry, from 0. */
  readonly firstLogEntry: number;
  /** Index of its last log entry; one less than the first when it made none. */
  readonly lastLogEntry: number;
  /** Of the image file when it was acknowledged: the log does not say when the file was cut. */
  readonly imageBytes: number;
}

export interface QemuRecording {
  readonly logPath: string;
  /** In the order in which they were acknowledged, `open` first and `close` last. */
  readonly guestEvents: readonly RecordedEvent[];
}

/** Has qemu serve `requests`. Throws Qcow2Error when one fails or the log is not whole. */
export async function recordQemu(
  requests: Iterable<RequestWithData>,
  options: RecordingOptions,
): Promise<QemuRecording> {
  const session = openQemuSession({ ...options, counted: false });
  try {
    const guestEvents = record(session, requests, options);
    return { logPath: options.logPath, guestEvents };
  } finally {
    await session.end();
  }
}

function record(
  session: QemuSession,
  requests: Iterable<RequestWithData>,
  { imagePath, logPath }: RecordingOptions,
): RecordedEvent[] {
  const log = new LogFollower(logPath);
  const events: RecordedEvent[] = [];
  const acknowledged = (request: RecordedRequest) => {
    const firstLogEntry = log.entries;
    const lastLogEntry = log.advance() - 1;
    events.push({ request, firstLogEntry, lastLogEntry, imageBytes: fs.statSync(imagePath).size });
  };
  session.open();
  acknowledged({ op: 'open' });
  for (const one of requests) {
    session.execute([one]);
    acknowledged(one.request);
  }
  session.close();
  acknowledged({ op: 'close' });
  log.checkComplete();
  return events;
}
