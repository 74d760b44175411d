/** The installed programs that `--engine qemu` runs: which are there, and which versions. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { UsageError } from '../console/errors.ts';

/** Each program with what installs it. `qemu-storage-daemon` and `qemu-nbd` are not needed. */
const PACKAGES = { 'qemu-io': 'qemu-utils', 'qemu-img': 'qemu-utils', strace: 'strace' } as const;

export type QemuTool = keyof typeof PACKAGES;
export type QemuVersions = Readonly<Record<QemuTool, string>>;

/** Where the qemu programs are; null: where the system finds them. */
export type QemuFolder = string | null;

/**
 * Versions of all programs, for the record; those of qemu are looked for in `folder`.
 * @throws UsageError that names the first program that is missing or does not run, and what installs it.
 */
export function findQemuTools(folder: QemuFolder = null): QemuVersions {
  return {
    'qemu-io': toolVersion('qemu-io', folder),
    'qemu-img': toolVersion('qemu-img', folder),
    strace: toolVersion('strace'),
  };
}

/** What starts a program of `folder`. */
export function programIn(folder: QemuFolder, tool: QemuTool): string {
  return folder === null ? tool : path.join(folder, tool);
}

const found = new Map<string, string>();

/** The version of one program, asked for once. Throws like {@link findQemuTools}. */
export function toolVersion(tool: QemuTool, folder: QemuFolder = null): string {
  const program = programIn(folder, tool);
  const version = found.get(program) ?? askVersion(tool, process.env.PATH, folder);
  found.set(program, version);
  return version;
}

/** The version that `tool`, looked for in `folder` or in `searchPath`, says it has. */
export function askVersion(tool: QemuTool, searchPath: string | undefined, folder: QemuFolder = null): string {
  const env = { ...process.env, PATH: searchPath ?? '' };
  const program = programIn(folder, tool);
  const { error, stdout, status, signal } = spawnSync(program, ['--version'], { encoding: 'utf8', env });
  const advice = folder === null ? `apt-get install ${PACKAGES[tool]} brings it` : `give the folder of a qemu build`;
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    const where = folder === null ? 'not installed' : `not in ${folder}`;
    throw new UsageError(`the qemu engine needs ${tool}, which is ${where}: ${advice}`);
  }
  const version = /version (\d+(?:\.\d+)*)/.exec(stdout ?? '')?.[1];
  if (status === 0 && version !== undefined) return version;
  const reason = error?.message ?? signal ?? `exit code ${status}`;
  throw new UsageError(`the qemu engine needs ${program}, which does not run (${reason}): ${advice}`);
}
