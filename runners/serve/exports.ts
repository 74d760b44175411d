/** The exports of a server: which images, under which names. */
import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../console/errors.ts';
import { printable } from '../image-tool/printable.ts';
import type { ServedExport } from './connection.ts';
import type { ImageThread } from './image-thread.ts';
import type { ServedDisk } from './messages.ts';

/** The longest name that the protocol allows. */
const NAME_BYTES_MAX = 4096;
const PREFERRED_BLOCK_BYTES = 4096;

/** An image on the command line. */
export interface NamedImage {
  readonly name: string;
  readonly imagePath: string;
}

/** Takes `[NAME=]IMAGE` apart; a file whose own name has an equals sign is that file. */
export function namedImage(word: string): NamedImage {
  const equals = word.indexOf('=');
  if (equals < 0 || fs.existsSync(word)) return { name: path.basename(word), imagePath: word };
  const name = word.slice(0, equals);
  if (name === '') throw new UsageError(`${printable(word)}: an export needs a name before the equals sign`);
  return { name, imagePath: word.slice(equals + 1) };
}

/** The exports of one image: itself, and NAME@SNAPSHOT for each snapshot that is served. */
export function exportsOf(
  { name, imagePath }: NamedImage,
  thread: ImageThread,
  disks: readonly ServedDisk[],
  minimumBlockBytes: number,
): ServedExport[] {
  return disks.map(({ snapshot, sizeBytes, readOnly }, disk) => ({
    name: snapshot === null ? name : `${name}@${snapshot}`,
    description: snapshot === null ? path.basename(imagePath) : `snapshot ${snapshot} of ${path.basename(imagePath)}`,
    sizeBytes,
    readOnly,
    minimumBlockBytes,
    preferredBlockBytes: PREFERRED_BLOCK_BYTES,
    thread,
    disk,
  }));
}

/** @throws UsageError for names that clients could not tell apart, or could not ask for. */
export function checkNames(exports: readonly ServedExport[]): void {
  const seen = new Set<string>();
  for (const { name } of exports) {
    if (seen.has(name)) throw new UsageError(`two exports are named "${printable(name)}"; give one a name: NAME=IMAGE`);
    if (Buffer.byteLength(name) > NAME_BYTES_MAX)
      throw new UsageError(
        `the name of an export may have ${NAME_BYTES_MAX} bytes: "${printable(name.slice(0, 40))}..."`,
      );
    seen.add(name);
  }
}
