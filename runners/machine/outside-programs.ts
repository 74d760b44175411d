/** What this program can use of a machine besides Node: what is there, and what cannot be done without the rest. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { QUEUE_INSTALL, queueLibrary } from '../console/project-root.ts';

interface Outside {
  readonly name: string;
  /** Finds it; null when it is not there. */
  find(): string | null;
  /** What needs it, as the end of "without it". */
  readonly without: string;
  readonly install: string;
}

function program(name: string, words: readonly string[], debianPackage: string, without: string): Outside {
  const find = () => {
    const { status, stdout, stderr } = spawnSync(name, words, { encoding: 'utf8', timeout: 10_000 });
    return status === 0 ? (/\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'there') : null;
  };
  return { name, find, without, install: `apt-get install ${debianPackage}` };
}

function nodePackage(name: string, load: () => unknown, without: string, install = `npm install ${name}`): Outside {
  const find = () => {
    try {
      load();
      return 'there';
    } catch {
      return null;
    }
  };
  return { name, find, without, install };
}

const require = createRequire(import.meta.url);

const OUTSIDE: readonly Outside[] = [
  nodePackage('koffi', () => require('#koffi'), 'no locks on images, no holes punched for discards'),
  program('git', ['--version'], 'git', 'no compare and trend, and records do not name the commit'),
  program('qemu-io', ['--version'], 'qemu-utils', 'no --engine qemu'),
  program('qemu-img', ['--version'], 'qemu-utils', 'no --engine qemu, no comparison with its check'),
  program('strace', ['-V'], 'strace', 'no counts of --engine qemu'),
  program('chromium', ['--version'], 'chromium', 'no charts as PNG (SVG needs nothing)'),
  nodePackage('@clinic/doctor', () => require.resolve('@clinic/doctor'), 'no doctor'),
  nodePackage('pg-boss', () => queueLibrary()!.length, 'no submit, worker and fleet', QUEUE_INSTALL),
];

export interface FoundOutside {
  readonly name: string;
  /** Its version, or `there`; null when it is not. */
  readonly found: string | null;
  /** What cannot be done without it. */
  readonly without: string;
  /** The command that brings it. */
  readonly install: string;
}

export function findOutside(): FoundOutside[] {
  return OUTSIDE.map(({ find, ...what }) => ({ ...what, found: find() }));
}
