/**
 * The thread of a served image. It serves what has arrived, looks for more between batches, and returns to waiting when there is
 * nothing: what arrives while a sync runs is the next batch.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { describeFailure } from '../console/errors.ts';
import type { FromThread, ImageChoice, ToThread, WireAnswer } from './messages.ts';
import { ServedImage } from './served-image.ts';

/** Shorter content is copied with the message; handing memory over costs more than that. */
const TRANSFERRED_BYTES = 16_384;

const port = parentPort as MessagePort;

function say(message: FromThread, transferred: ArrayBuffer[] = []): void {
  port.postMessage(message, transferred);
}

function sendAnswers(answers: readonly WireAnswer[]): void {
  const buffers: ArrayBuffer[] = [];
  for (const { outcome } of answers) {
    const { buffer } = ('bytes' in outcome && outcome.bytes) || new Uint8Array(0);
    if (buffer.byteLength >= TRANSFERRED_BYTES) buffers.push(buffer as ArrayBuffer);
  }
  say({ kind: 'answers', answers }, buffers);
}

function fail(error: unknown): void {
  say({ kind: 'failed', ...describeFailure(error) });
}

/** Returns true when the image is to be closed. */
function take(image: ServedImage, message: ToThread): boolean {
  if (message.kind === 'requests') image.take(message.requests);
  if (message.kind === 'stats') say({ kind: 'stats', stats: image.stats() });
  return message.kind === 'close';
}

function serveAll(image: ServedImage, first: ToThread): void {
  let closing = take(image, first);
  for (;;) {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      closing = take(image, next.message as ToThread) || closing;
    if (image.isIdle) break;
    image.serve();
  }
  if (closing) close(image);
}

function close(image: ServedImage): void {
  try {
    image.close();
    say({ kind: 'closed', stats: image.stats() });
  } catch (error) {
    fail(error);
  }
  port.close();
}

try {
  const image = new ServedImage(workerData as ImageChoice, sendAnswers);
  port.on('message', (message: ToThread) => serveAll(image, message));
  say({ kind: 'opened', disks: image.disks });
} catch (error) {
  fail(error);
}
