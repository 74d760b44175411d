/**
 * `cowbench serve` as the process that is killed: several clients ask at random, each one request at a time and on blocks of its own, so
 * that it knows what its flush makes durable.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Prng } from '../../../workloads/prng.ts';
import { PROJECT_ROOT } from '../../console/project-root.ts';
import { NbdClient, NbdClientError } from '../../serve/nbd-client.ts';
import { BLOCK_BYTES, blockOf, nextRequest, type SoakMessage } from './soak-request.ts';

const CLI = path.join(PROJECT_ROOT, 'runners/cli.ts');

export interface ServedRun {
  readonly imagePath: string;
  readonly policy: string;
  readonly clients: number;
  readonly seed: number;
  readonly firstNumber: number;
  /** The kill comes after this many messages. */
  readonly messages: number;
  readonly signal: AbortSignal;
  readonly take: (client: number, message: SoakMessage) => void;
}

/** Resolves when the server is dead; rejects with what it said when it died of itself, or could not start. */
export async function serveAndKill(run: ServedRun): Promise<void> {
  const socketPath = `${run.imagePath}.socket`;
  const words = [CLI, 'serve', run.imagePath, '--socket', socketPath, '--policy', run.policy];
  const server = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => void server.kill('SIGKILL');
  run.signal.addEventListener('abort', kill);
  let stderr = '';
  server.stderr.on('data', (text) => (stderr += text));
  const closed = new Promise<string | null>((resolve) => server.on('close', (_code, signal) => resolve(signal)));
  try {
    if (await isReady(server, closed)) await ask(run, socketPath, kill);
    if ((await closed) === null) throw new Error(stderr.trim() || 'the server exited on its own');
  } finally {
    run.signal.removeEventListener('abort', kill);
    fs.rmSync(socketPath, { force: true });
  }
}

/** False when the server ends before it listens. */
function isReady(server: ChildProcess, closed: Promise<unknown>): Promise<boolean> {
  const listening = new Promise<boolean>((resolve) => server.stdout!.once('data', () => resolve(true)));
  return Promise.race([listening, closed.then(() => false)]);
}

/** Resolves when every client has found the server dead. */
async function ask(run: ServedRun, socketPath: string, kill: () => void): Promise<void> {
  const prng = new Prng(run.seed);
  let number = run.firstNumber;
  let said = 0;
  const say = (client: number, message: SoakMessage) => {
    run.take(client, message);
    if (++said === run.messages) kill();
  };
  const guest = async (client: number) => {
    const connection = await NbdClient.connect(socketPath);
    for (;;) {
      const { op, block: anyBlock } = nextRequest(prng);
      const block = op === 'flush' ? 0 : anyBlock - (anyBlock % run.clients) + client;
      const mine = number++;
      say(client, { starts: op, block, number: mine });
      const range = { offset: block * BLOCK_BYTES, length: BLOCK_BYTES };
      await connection.perform({ op, mayUnmap: true, ...range }, op === 'write' ? blockOf(mine) : undefined);
      if (op === 'flush') say(client, { durable: mine });
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: run.clients }, (_, client) => guest(client)));
  for (const end of ends) if (end.status === 'rejected' && !(end.reason instanceof NbdClientError)) throw end.reason;
}
