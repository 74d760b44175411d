/** `cowbench image bench`: a run of equal requests to a disk, timed; words and lines as of `qemu-img bench`. */
import {
  type GuestDevice,
  identifyFile,
  openFile,
  type Qcow2Error,
  queuedRequest,
  RawDisk,
  RequestQueue,
} from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { integer } from '../console/option-values.ts';
import { unknownWord } from '../console/suggest.ts';
import { formatOf, lockedFor, openDisk, openQcow2 } from './disks.ts';
import { parseSize } from './sizes.ts';
import { ACCESS, CACHE, FORMAT, type Given, QUIET, SHARE, type Subcommand } from './subcommand.ts';
import { type Work, withWork } from './work.ts';

const AIO_WORDS = ['threads', 'native', 'io_uring'] as const;
/** What qemu-img has for the most: counts, and sizes of one request. */
const MOST = 2 ** 31 - 1;
/** A deeper queue is served in parts: it must not take memory by its depth. */
const MOST_QUEUED = 256;

export const bench: Subcommand = {
  name: 'bench',
  words: '<file>',
  summary: 'send a run of equal requests to a disk and time it',
  options: {
    count: { ...value('N'), alias: 'c', default: '75000', describe: 'number of requests' },
    depth: { ...value('N'), alias: 'd', default: '64', describe: 'requests queued at a time, served in order' },
    'buffer-size': { ...value('SIZE'), alias: 's', default: '4k', describe: 'bytes of each request' },
    'step-size': {
      ...value('SIZE'),
      alias: 'S',
      describe: 'from the start of one request to the next [default: the buffer size]',
    },
    offset: { ...value('SIZE'), alias: 'o', default: '0', describe: 'start of the first request' },
    write: { type: 'boolean', alias: 'w', describe: 'write instead of reading: OVERWRITES what the disk holds' },
    pattern: { ...value('BYTE'), default: '0', describe: 'the byte that -w writes, 0 to 255' },
    'flush-interval': { ...value('N'), default: '0', describe: 'with -w: flush after every N requests; 0: never' },
    drain: { type: 'boolean', default: true, describe: 'queue nothing more until a flush is done' },
    aio: { ...value('NAME'), alias: 'i', describe: `${AIO_WORDS.join(', ')}: no effect (accepted for compatibility)` },
    native: { type: 'boolean', alias: 'n', describe: 'as -i native' },
    ...FORMAT,
    ...CACHE,
    ...QUIET,
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['bench -c 10000 -s 64k disk.qcow2', 'time 10000 reads'],
    ['bench -w -c 1000 -d 1 --flush-interval 10 scratch.qcow2', 'writes, with a flush after every ten'],
  ],
  notes: 'Past the end of the disk it starts over. What requests cost, counted and repeated: cowbench bench.',
  run(given) {
    const plan = planOf(given);
    const work = {
      quiet: given.flag('quiet'),
      showProgress: false,
      afterInterruption: plan.isWriting ? 'some of the requests were written' : 'nothing was changed',
    };
    return withWork(given.terminal, work, (work) => timeRun(given, plan, work));
  },
};

export interface RequestRun {
  readonly count: number;
  readonly depth: number;
  readonly lengthBytes: number;
  readonly stepBytes: number;
  readonly offset: number;
  readonly isWriting: boolean;
  readonly pattern: number;
  /** Requests between flushes; 0: none. */
  readonly flushInterval: number;
  /** Requests wait for a flush that was asked for before them. */
  readonly drains: boolean;
}

function planOf(given: Given): RequestRun {
  const lengthBytes = requestSize(given, 'buffer-size');
  const run = {
    count: wholeNumber(given, 'count', 0),
    depth: wholeNumber(given, 'depth', 1),
    lengthBytes,
    // In qemu-img too, 0 means the buffer size.
    stepBytes: given.text('step-size') === undefined ? lengthBytes : requestSize(given, 'step-size') || lengthBytes,
    offset: parseSize('--offset', given.required('offset')),
    isWriting: given.flag('write'),
    pattern: wholeNumber(given, 'pattern', 0, 255),
    flushInterval: wholeNumber(given, 'flush-interval', 0),
    drains: given.flag('drain'),
  };
  if (run.flushInterval > 0 && !run.isWriting)
    throw new UsageError('--flush-interval: reads need no flush; it goes with --write');
  if (run.flushInterval > 0 && run.flushInterval < run.depth)
    throw new UsageError(`--flush-interval ${run.flushInterval} is smaller than --depth ${run.depth}`);
  checkAio(given);
  return run;
}

function wholeNumber(given: Given, option: string, least: number, most = MOST): number {
  const text = given.required(option);
  const hex = /^0x[0-9a-f]{1,8}$/i.test(text) ? Number(text) : Number.NaN;
  if (hex >= least && hex <= most) return hex;
  // C programs read 010 as 8, people as 10.
  if (/^0\d/.test(text)) throw new UsageError(`--${option} "${text}": leave out the leading zero`);
  return integer(option, text, least, most);
}

function requestSize(given: Given, option: string): number {
  const text = given.required(option);
  const bytes = parseSize(`--${option}`, text);
  if (bytes > MOST) throw new UsageError(`--${option} "${text}": at most ${MOST} bytes`);
  return bytes;
}

/** Refused where qemu-img refuses it, so that what works here works there. */
function checkAio(given: Given): void {
  const aio = given.text('aio');
  if (aio !== undefined && !AIO_WORDS.some((word) => word === aio))
    throw new UsageError(unknownWord('aio', aio, AIO_WORDS));
  const isNative = aio === 'native' || given.flag('native');
  const cache = given.hostCache('cache');
  if (isNative && cache !== 'none' && cache !== 'directsync')
    throw new UsageError('native AIO goes with -t none or -t directsync');
}

async function timeRun(given: Given, run: RequestRun, work: Work): Promise<void> {
  const say = (line: string) => {
    if (!given.flag('quiet')) given.terminal.print(line);
  };
  const disk = openFor(given, run);
  try {
    refusePastEnd(disk, run, run.offset, 0);
    const { count, depth, lengthBytes, offset, stepBytes, flushInterval } = run;
    say(
      `Sending ${count} ${run.isWriting ? 'write' : 'read'} requests, ${lengthBytes} bytes each, ${depth} in parallel ` +
        `(starting at offset ${offset}, step size ${stepBytes})`,
    );
    if (flushInterval > 0) say(`Sending flush every ${flushInterval} requests`);
    const startMs = performance.now();
    await sendRequests(disk, run, () => work.pause());
    say(`Run completed in ${((performance.now() - startMs) / 1000).toFixed(3)} seconds.`);
  } finally {
    disk.close();
  }
}

function openFor(given: Given, { isWriting }: RequestRun): GuestDevice {
  const file = given.required('file');
  const access = given.access();
  const options = { access, format: given.format(), mode: given.hostCache('cache') };
  if (!isWriting) return openDisk(file, options);
  if ((options.format ?? formatOf(file)) === 'qcow2') return openQcow2(file, options, false);
  identifyFile(file);
  return new RawDisk(openFile(file, { mode: options.mode ?? 'writeback', ...lockedFor('raw-write', file, access) }));
}

/**
 * Sends the requests, up to `depth` queued at a time; `pause` is awaited between batches.
 * @throws UsageError at the first request that passes the end of the disk; Qcow2Error of the disk.
 */
export async function sendRequests(disk: GuestDevice, run: RequestRun, pause: () => Promise<void>): Promise<void> {
  const depth = Math.min(run.depth, MOST_QUEUED);
  // A flush shares the last batch before it.
  const queue = new RequestQueue({ batchRequests: depth + 1 });
  const payload = new Uint8Array(run.count === 0 ? 0 : run.lengthBytes).fill(run.pattern);
  const op = run.isWriting ? 'write' : 'read';
  const failures: Qcow2Error[] = [];
  const done = (error: Qcow2Error | null) => {
    if (error !== null) failures.push(error);
  };
  let offset = run.offset;
  for (let sent = 0; sent < run.count; ) {
    const batchEnd = Math.min(run.count, sent + depth);
    for (let isHeld = false; sent < batchEnd && !isHeld; ) {
      refusePastEnd(disk, run, offset, sent);
      queue.push(queuedRequest(disk, { op, offset, length: payload.length }, payload, done));
      offset = disk.sizeBytes === 0 ? 0 : (offset + run.stepBytes) % disk.sizeBytes;
      sent++;
      if (run.flushInterval === 0 || sent % run.flushInterval !== 0) continue;
      queue.push(queuedRequest(disk, { op: 'flush' }, payload, done));
      isHeld = run.drains;
    }
    queue.serveBatch();
    if (failures.length > 0) throw failures[0]!;
    await pause();
  }
}

/** No part of a request is left out without a word, and none goes to the start of the disk. */
function refusePastEnd(disk: GuestDevice, { count, lengthBytes }: RequestRun, offset: number, sent: number): void {
  if (count === 0 || offset + lengthBytes <= disk.sizeBytes) return;
  throw new UsageError(
    `request ${sent + 1} of ${count}, ${lengthBytes} bytes at offset ${offset}, passes the end of the disk of ${disk.sizeBytes} bytes: ` +
      'choose --offset, --step-size and --count so that none does',
  );
}
