/** A PostgreSQL of its own for tests: the distribution's server, in a temporary folder, on a unix socket, as a user that is not root. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { leftOutReason, testTools } from '../../testing/tools.ts';

/** The reason to leave tests out; false where the server is installed, and in CI, where it must be. */
export const WITHOUT_POSTGRES =
  (process.env.CI ?? '') === '' && testTools().missing.includes('pg_ctlcluster') && leftOutReason('pg_ctlcluster');

const START_MS = 60_000;
const SUPERUSER = 'owner';

export class PostgresServer {
  readonly folder: string;
  /** Owner of all databases. */
  readonly user = SUPERUSER;
  readonly #programs: string;
  /** The server refuses to run as root. */
  readonly #user: { readonly uid?: number; readonly gid?: number };
  #process: ChildProcess | null = null;

  constructor() {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-pg-'));
    this.#programs = newestPrograms();
    this.#user = process.getuid?.() === 0 ? idsOf('postgres') : {};
    if (this.#user.uid !== undefined) fs.chownSync(this.folder, this.#user.uid, this.#user.gid!);
    const words = [
      '-D',
      path.join(this.folder, 'data'),
      '-U',
      SUPERUSER,
      '--auth=trust',
      '--no-sync',
      '--encoding=UTF8',
    ];
    this.#run('initdb', [...words, '--locale=C']);
  }

  /** The address of database `name`, for `user`. */
  url(name = 'postgres', user = SUPERUSER): string {
    return `postgres://${user}@/${name}?host=${encodeURIComponent(this.folder)}`;
  }

  async start(): Promise<void> {
    const words = [
      '-D',
      path.join(this.folder, 'data'),
      '-k',
      this.folder,
      '-c',
      'listen_addresses=',
      '-c',
      'fsync=off',
    ];
    this.#process = spawn(path.join(this.#programs, 'postgres'), words, {
      stdio: 'ignore',
      cwd: this.folder,
      ...this.#user,
    });
    const endMs = performance.now() + START_MS;
    while (performance.now() < endMs) {
      if (this.#isReady()) return;
      await setTimeout(50);
    }
    throw new Error('PostgreSQL does not start');
  }

  /** Ends the server; `fast` rolls transactions back, `immediate` is a crash. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    this.#process = null;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }

  /** A new database; gives its address. */
  database(name: string): string {
    this.#run('createdb', ['-h', this.folder, '-U', SUPERUSER, name]);
    return this.url(name);
  }

  async remove(): Promise<void> {
    await this.stop('immediate');
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  #isReady(): boolean {
    try {
      this.#run('pg_isready', ['-q', '-h', this.folder, '-U', SUPERUSER]);
      return true;
    } catch {
      return false;
    }
  }

  #run(program: string, words: readonly string[]): void {
    execFileSync(path.join(this.#programs, program), words, { stdio: 'pipe', cwd: this.folder, ...this.#user });
  }
}

function newestPrograms(): string {
  const root = '/usr/lib/postgresql';
  const versions = fs
    .readdirSync(root)
    .map(Number)
    .sort((a, b) => b - a);
  return path.join(root, String(versions[0]), 'bin');
}

function idsOf(user: string): { uid: number; gid: number } {
  const line = fs
    .readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${user}:`));
  const [, , uid, gid] = line!.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
