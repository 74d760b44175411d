/** The installed programs that `--engine qemu` runs: which are there, and which versions. */
import { spawnSync } from 'node:child_process';
import { UsageError } from '../console/errors.ts';

/** Each program with what installs it. `qemu-storage-daemon` and `qemu-nbd` are not needed. */
const PACKAGES = { 'qemu-io': 'qemu-utils', 'qemu-img': 'qemu-utils', strace: 'strace' } as const;

export type QemuTool = keyof typeof PACKAGES;
export type QemuVersions = Readonly<Record<QemuTool, string>>;

/**
 * Versions of all programs, for the record.
 * @throws UsageError that names the first program that is missing or does not run, and what installs it.
 */
export function findQemuTools(): QemuVersions {
  return { 'qemu-io': toolVersion('qemu-io'), 'qemu-img': toolVersion('qemu-img'), strace: toolVersion('strace') };
}

const found = new Map<QemuTool, string>();

/** The version of one program, asked for once. Throws like {@link findQemuTools}. */
export function toolVersion(tool: QemuTool): string {
  const version = found.get(tool) ?? askVersion(tool, process.env.PATH);
  found.set(tool, version);
  return version;
}

/** The version that `tool`, looked for in `searchPath`, says it has. */
export function askVersion(tool: QemuTool, searchPath: string | undefined): string {
  const env = { ...process.env, PATH: searchPath ?? '' };
  const { error, stdout, status, signal } = spawnSync(tool, ['--version'], { encoding: 'utf8', env });
  const advice = `install the package ${PACKAGES[tool]}`;
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    throw new UsageError(`the qemu engine needs ${tool}, which is not installed: ${advice}`);
  }
  const version = /version (\d+(?:\.\d+)*)/.exec(stdout ?? '')?.[1];
  if (status === 0 && version !== undefined) return version;
  const reason = error?.message ?? signal ?? `exit code ${status}`;
  throw new UsageError(`the qemu engine needs ${tool}, which does not run (${reason}): ${advice}`);
}
