/** Which file system a directory lies on, from /proc/self/mountinfo (proc(5)); elsewhere only what statfs tells. */
import fs from 'node:fs';
import path from 'node:path';

export interface FileSystemFacts {
  readonly type: string;
  readonly mountOptions: string;
  /** The files are in memory: a sync costs nothing and proves nothing. */
  readonly tmpfs: boolean;
}

const IN_MEMORY = ['tmpfs', 'ramfs', 'devtmpfs', 'rootfs'];
/** `statfs` magic numbers of file systems in memory, for systems without mountinfo. */
const IN_MEMORY_MAGIC = [0x01021994, 0x858458f6];

/** Facts about the file system that holds `directory`, which must exist. */
export function fileSystemOf(directory: string): FileSystemFacts {
  let table: string;
  try {
    table = fs.readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    const magic = fs.statfsSync(directory).type;
    return { type: `statfs 0x${magic.toString(16)}`, mountOptions: '', tmpfs: IN_MEMORY_MAGIC.includes(magic) };
  }
  return findMount(table, fs.realpathSync(directory));
}

/**
 * The mount of `table` (the text of mountinfo) that holds the absolute path `directory`: the longest mount point that
 * contains it, and of several mounted over each other the last.
 */
export function findMount(table: string, directory: string): FileSystemFacts {
  let best: FileSystemFacts = { type: 'unknown', mountOptions: '', tmpfs: false };
  let bestLength = -1;
  for (const line of table.split('\n')) {
    const separator = line.indexOf(' - ');
    if (separator < 0) continue;
    const [, , , , point, options] = line.slice(0, separator).split(' ');
    const [type, , superOptions] = line.slice(separator + 3).split(' ');
    const mountPoint = unescapeOctal(point!);
    if (!contains(mountPoint, directory) || mountPoint.length < bestLength) continue;
    bestLength = mountPoint.length;
    const mountOptions = [...new Set([...options!.split(','), ...(superOptions ?? '').split(',')])].join(',');
    best = { type: type!, mountOptions, tmpfs: IN_MEMORY.includes(type!) };
  }
  return best;
}

function contains(mountPoint: string, directory: string): boolean {
  const relative = path.posix.relative(mountPoint, directory);
  return relative === '' || !(relative === '..' || relative.startsWith('../'));
}

/** Blanks and backslashes of a mount point are written as \040 and the like. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
