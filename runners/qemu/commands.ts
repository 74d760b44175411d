/** Guest requests in the language of qemu-io, and the options with which image files are opened. */
import { type HostCacheMode, Qcow2Error, type ToolRequest } from '../../engine/index.ts';
import type { GuestRequest } from '../../workloads/request.ts';

/** Requests that qemu can be given: those of every guest, and compressed writes and new sizes, which only image tools make. */
export type QemuRequest = GuestRequest | ToolRequest;

/** Requests that go to the open image; the rest close it. */
export type ImageRequest = Exclude<QemuRequest, { op: SnapshotOp | 'reopen' | 'mark' }>;
export type SnapshotOp = 'snapshot-create' | 'snapshot-apply' | 'snapshot-delete';

/** Name, inside the session's folder, of the link to the image: qemu-io takes no path with a blank in it. */
export const IMAGE_LINK = 'image';
export const LOG_LINK = 'log';
export const DATA_LINK = 'data';

/** Where the bytes of a write come from: the start of the data file, or all of them are this byte. */
type DataSource = 'file' | number;

/** The command for `request`. */
export function commandOf(request: ImageRequest, data: DataSource = 'file'): string {
  const range = 'offset' in request ? `${request.offset} ${request.length}` : '';
  const source = data === 'file' ? `-s ${DATA_LINK}` : `-P ${data}`;
  const durable = 'durable' in request && request.durable ? '-f ' : '';
  switch (request.op) {
    case 'read':
      return `read -q ${range}`;
    case 'write':
      return `write -q ${durable}${source} ${range}`;
    case 'write-compressed':
      return `write -q -c ${source} ${range}`;
    case 'vmstate-read':
      return `read -q -b ${range}`;
    case 'vmstate-write':
      return `write -q -b ${source} ${range}`;
    case 'write-zeroes':
      return `write -q ${durable}-z ${request.mayUnmap ? '-u ' : ''}${range}`;
    case 'discard':
      if (request.durable) throw new Qcow2Error('UNSUPPORTED', 'qemu-io has no durable discard');
      return `discard -q ${range}`;
    case 'flush':
      return 'flush';
    case 'resize':
      return `truncate ${request.sizeBytes}`;
  }
}

/** True when the request writes bytes of its own. */
export function carriesData(request: QemuRequest): boolean {
  return request.op === 'write' || request.op === 'write-compressed' || request.op === 'vmstate-write';
}

/** Where the file operations go besides the image: into a log for the crash explorer, appended to what it already holds. */
export type LogChoice = 'no-log' | 'new-log' | 'append-to-log';

export interface OpenOptions {
  readonly cache: HostCacheMode;
  /** Options of the qcow2 driver by name, such as `l2-cache-size`. */
  readonly driver: Readonly<Record<string, string | number>>;
  readonly log: LogChoice;
}

/** The image as the block layer's options name it. */
function imageOptions(options: OpenOptions): string {
  const driver = Object.entries(options.driver).map(([name, value]) => `${name}=${value}`);
  return ['driver=qcow2', ...driver, ...fileOptions(options.log)].join(',');
}

function fileOptions(log: LogChoice): string[] {
  // With native or io_uring requests, strace would see no reads and writes.
  const image = (prefix: string) => [
    `${prefix}.driver=file`,
    `${prefix}.filename=${IMAGE_LINK}`,
    `${prefix}.aio=threads`,
  ];
  if (log === 'no-log') return image('file');
  const place = log === 'new-log' ? 'file.log-sector-size=512' : 'file.log-append=on';
  return [
    'file.driver=blklogwrites',
    ...image('file.file'),
    'file.log.driver=file',
    `file.log.filename=${LOG_LINK}`,
    place,
  ];
}

/** The command that opens the image; guests may unmap, as under any modern virtual machine. */
export function openCommand(options: OpenOptions): string {
  return `open -t ${options.cache} -d unmap -o ${imageOptions(options)}`;
}

const SNAPSHOT_FLAGS = { 'snapshot-create': '-c', 'snapshot-apply': '-a', 'snapshot-delete': '-d' } as const;

/** Words for qemu-img; it knows no writethrough and works in writeback instead. */
export function snapshotWords(op: SnapshotOp, name: string, options: OpenOptions): string[] {
  const { cache } = options;
  const direct = cache === 'none' || cache === 'directsync' ? ',cache.direct=on' : '';
  const unsafe = cache === 'unsafe' ? ',cache.no-flush=on' : '';
  return ['snapshot', '--image-opts', SNAPSHOT_FLAGS[op], name, imageOptions(options) + direct + unsafe];
}
