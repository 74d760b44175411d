/**
 * Kills a writing process at random moments, checks what it left, and continues with the same image. A killed process loses no
 * completed system call, so this proves the order of the calls and the reopening, not what a power cut would do.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import {
  checkImage,
  createImage,
  openFile,
  openImage,
  type PolicyName,
  policyNamed,
  type Qcow2Image,
} from '../../../engine/index.ts';
import { Prng } from '../../../workloads/prng.ts';
import { GuestBlocks } from './guest-blocks.ts';
import { serveAndKill } from './killed-server.ts';
import { BLOCK_BYTES, BLOCK_COUNT, SECTORS_PER_BLOCK, type SoakMessage } from './soak-request.ts';

const WRITER = path.join(import.meta.dirname, 'soak-writer.ts');
/** The kill comes after at most this many messages of the writer. */
const MESSAGES_MAX = 400;

export interface SoakOptions {
  readonly imagePath: string;
  readonly policy: PolicyName;
  readonly kills: number;
  readonly seed: number;
  /** 0: the process that is killed writes itself; else it is a server, and this many clients ask it. */
  readonly clients: number;
  readonly signal: AbortSignal;
  /** After each kill, once the image was found right. */
  onKill(kill: number, totals: SoakTotals): void;
}

export interface SoakTotals {
  kills: number;
  requests: number;
  flushes: number;
  maxLeaks: number;
  /** Blocks found with another block's data, because their cluster was used again before its discard was durable. */
  reusedBlocks: number;
}

/** The image is not what it must be, or the writer died on its own. The image is left for examination. */
export class SoakFinding extends Error {
  override readonly name = 'SoakFinding';
}

/** @throws SoakFinding at the first kill that leaves what it must not. */
export async function killLoop(options: SoakOptions): Promise<SoakTotals> {
  const { imagePath, seed, signal } = options;
  const file = openFile(imagePath, { create: true });
  createImage(file, { sizeBytes: BLOCK_BYTES * BLOCK_COUNT, clusterSizeBytes: BLOCK_BYTES });
  file.close();
  const prng = new Prng(seed);
  const totals: SoakTotals = { kills: 0, requests: 0, flushes: 0, maxLeaks: 0, reusedBlocks: 0 };
  const guests = Array.from({ length: Math.max(1, options.clients) }, () => new GuestBlocks(BLOCK_COUNT));
  while (totals.kills < options.kills && !signal.aborted) {
    await runAndKill(options, prng, totals, (client, message) => take(message, guests[client]!, totals));
    judge(options, guests, totals);
    totals.kills++;
    options.onKill(totals.kills, totals);
  }
  return totals;
}

/** Starts a process that writes, and kills it at a random moment. */
async function runAndKill(
  { imagePath, policy, clients, signal }: SoakOptions,
  prng: Prng,
  { requests }: SoakTotals,
  take: (client: number, message: SoakMessage) => void,
): Promise<void> {
  const seed = prng.below(2 ** 31);
  const messages = prng.between(1, MESSAGES_MAX);
  const firstNumber = requests + 1;
  if (clients === 0) {
    const writer = [imagePath, policy, String(seed), String(firstNumber)];
    return writeAndKill(writer, messages, signal, (message) => take(0, message));
  }
  try {
    await serveAndKill({ imagePath, policy, clients, seed, firstNumber, messages, signal, take });
  } catch (error) {
    throw new SoakFinding(`the server: ${(error as Error).message}`);
  }
}

/** Starts the writer and kills it, without warning, once it has said `messages` things. */
function writeAndKill(
  words: readonly string[],
  messages: number,
  signal: AbortSignal,
  take: (message: SoakMessage) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(process.execPath, [WRITER, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  let stderr = '';
  let seen = 0;
  const lines = readline.createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    // The last line may be cut short by the kill.
    if (line.endsWith('}')) take(JSON.parse(line) as SoakMessage);
    if (++seen === messages) kill();
  });
  child.stderr.on('data', (text) => (stderr += text));
  child.on('error', reject);
  const linesDone = new Promise((done) => lines.on('close', done));
  child.on('close', async (_code, cause) => {
    await linesDone;
    signal.removeEventListener('abort', kill);
    if (cause !== null) resolve();
    else reject(new SoakFinding(`the writer exited on its own: ${stderr.trim()}`));
  });
  return promise;
}

function take(message: SoakMessage, blocks: GuestBlocks, totals: SoakTotals): void {
  blocks.take(message);
  if ('durable' in message) totals.flushes++;
  else totals.requests = Math.max(totals.requests, message.number);
}

function judge({ imagePath, policy }: SoakOptions, guests: readonly GuestBlocks[], totals: SoakTotals): void {
  const file = openFile(imagePath, { readOnly: true, mode: policyNamed(policy).hostCacheMode });
  const report = checkImage(file);
  if (report.corruptions + report.copiedErrors + report.checkErrors > 0) {
    file.close();
    throw new SoakFinding(`the image is corrupt: ${report.findings.find(({ severity }) => severity !== 'leak')!.text}`);
  }
  totals.maxLeaks = Math.max(totals.maxLeaks, report.leaks);
  const image = openImage(file, { policy });
  try {
    for (let block = 0; block < BLOCK_COUNT; block++) judgeBlock(image, block, guests, totals);
  } finally {
    image.close();
  }
  for (const guest of guests) guest.forgetUnflushed();
}

function judgeBlock(image: Qcow2Image, block: number, guests: readonly GuestBlocks[], totals: SoakTotals): void {
  const blocks = guests[block % guests.length]!;
  const words = new Uint32Array(BLOCK_BYTES / 4);
  image.read(block * BLOCK_BYTES, new Uint8Array(words.buffer));
  const allowed = blocks.possible(block);
  const wrong = new Set(words.filter((word) => !allowed.has(word)));
  for (const word of wrong) {
    if (blocks.explain(block, word, guests) === 'reused') continue;
    throw new SoakFinding(`block ${block} holds ${word}, allowed ${[...allowed].join(' or ')}`);
  }
  if (wrong.size > 0) totals.reusedBlocks++;
  if (wrong.size > 0 || isWhole(words)) blocks.settle(block, new Set(words));
}

/** False where the kill came between the sectors of one write. */
function isWhole(words: Uint32Array): boolean {
  const step = words.length / SECTORS_PER_BLOCK;
  for (let at = 0; at < words.length; at += step) if (words[at] !== words[0]) return false;
  return true;
}
