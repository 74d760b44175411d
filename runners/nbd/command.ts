/** The command of an NBD engine: what the user gave, with places for what each sample has its own of. */
import path from 'node:path';
import { UsageError } from '../console/errors.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { shellWord } from '../console/shell-word.ts';

/** Formats that an image can be given in, besides qcow2; qemu-img makes them. */
export const IMAGE_FORMATS = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'qed'] as const;
export type ServedFormat = (typeof IMAGE_FORMATS)[number];

const IMAGE_PLACE = /\{image(?::([^}]*))?\}/g;
const SOCKET_PLACE = '{socket}';

/** The format that the command wants its image in. Throws UsageError for a command that cannot be used. */
export function formatOfCommand(command: string): ServedFormat {
  if (!command.includes(SOCKET_PLACE))
    throw new UsageError(
      `--engine nbd: "${command}" has no {socket}: where the command must listen is put in its place`,
    );
  const formats = [...command.matchAll(IMAGE_PLACE)].map(([, format]) => format ?? 'qcow2');
  if (formats.length === 0)
    throw new UsageError(
      `--engine nbd: "${command}" has no {image}: the path of the image is put in its place ({image:raw}: of a raw one)`,
    );
  const [format] = formats;
  if (formats.some((other) => other !== format))
    throw new UsageError(`--engine nbd: "${command}" asks for images of several formats`);
  const known = IMAGE_FORMATS.find((name) => name === format);
  if (known !== undefined) return known;
  throw new UsageError(`--engine nbd: {image:${format}}: expected ${IMAGE_FORMATS.join(', ')}`);
}

/** The command with its places filled. */
export function filled(
  command: string,
  { socket, image }: { readonly socket: string; readonly image: string },
): string {
  return command.replaceAll(SOCKET_PLACE, shellWord(socket)).replaceAll(IMAGE_PLACE, shellWord(image));
}

/** The name of the program that a command runs, for tables: its first word without variables and folders. */
export function programOf(command: string): string {
  const words = command.trim().split(/\s+/);
  const first = words.find((word) => !/^\w+=/.test(word) && word !== 'exec') ?? command;
  return first.split('/').at(-1)!.replaceAll(/['"]/g, '');
}

/** Our own server of a disk that keeps nothing. */
export function nullCommand(sizeBytes: number): string {
  const words = [process.execPath, path.join(PROJECT_ROOT, 'runners/cli.ts'), 'serve', '--null', String(sizeBytes)];
  return `${words.map(shellWord).join(' ')} --socket {socket} --max-connections 128`;
}
