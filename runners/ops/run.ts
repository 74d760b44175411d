/**
 * Runs an op script against a real file at one stage of history and counts what it did, in the terms of the reference counts:
 * from after open to after close, close included.
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import {
  type BlockFile,
  CountingFile,
  createImage,
  type FileEvent,
  type HostCacheMode,
  MiB,
  openFile,
  openImage,
  Qcow2Error,
  type Qcow2Image,
  type StageId,
  TracingFile,
} from '../../engine/index.ts';
import { type Op, type OpScript, patternByte, type ScriptLine } from './script.ts';
import { setBackingFile } from './start-image.ts';

export interface OpsOptions {
  readonly stage: StageId;
  readonly cache: HostCacheMode;
  /** Starting image, plain or gzip; created when absent. */
  readonly start?: string;
  /** Where the image is made; it is left there. */
  readonly directory: string;
  /** Called with each file operation and the label of what it belongs to, in order. */
  readonly onEvent?: (label: string, event: FileEvent) => void;
  /** Called when a new label begins, with or without events. */
  readonly onLabel?: (label: string) => void;
}

export interface OpCounts {
  fsyncs?: number;
  odsync_writes?: number;
  writes?: number;
  write_bytes?: number;
  reads?: number;
  read_bytes?: number;
}

export interface OpsResult extends Required<OpCounts> {
  script: string;
  stage: StageId;
  mode: HostCacheMode;
  image_bytes: number;
  /** First 12 hex digits. */
  image_sha1: string;
  by_op: Record<string, OpCounts>;
  writes_by_role: Record<string, number>;
  write_bytes_by_role: Record<string, number>;
}

/** The reference's names for what a write touches. */
const ROLES = {
  header: 'header',
  'refcount-table': 'reftable',
  'refcount-block': 'refblock',
  l1: 'l1',
  l2: 'l2',
  data: 'data',
  cow: 'cowcopy',
  'snapshot-table': 'snaptable',
} as const;

const VM_STATE_PIECE_BYTES = 32768;
const FIRST_SNAPSHOT_DATE = 1_300_000_000;

/** What the ops share: the open image and what earlier ops left behind. */
interface Session {
  image: Qcow2Image;
  readonly open: () => Qcow2Image;
  snapshotsTaken: number;
  vmStateEnd: number;
}

export async function runOps(script: OpScript, options: OpsOptions): Promise<OpsResult> {
  mkdirSync(options.directory, { recursive: true });
  const imagePath = path.join(options.directory, `${script.name}.qcow2`);
  rmSync(imagePath, { force: true });
  const backingPath =
    script.backingBytes === null ? null : makeBacking(script.backingBytes, options.directory, script.name);
  makeStartImage(script, options, imagePath, backingPath);
  const carried = { snapshotsTaken: 0, vmStateEnd: 0 };
  if (script.prep.length > 0) {
    const open = () => openWith(openFile(imagePath), 'S4b', backingPath);
    const session: Session = { image: open(), open, ...carried };
    for (const line of script.prep) execute(session, line);
    session.image.close();
    Object.assign(carried, { snapshotsTaken: session.snapshotsTaken, vmStateEnd: session.vmStateEnd });
  }
  const counting = measure(script.run, options, imagePath, backingPath, carried);
  return report(script, options, counting, await sha1(imagePath));
}

function openWith(file: BlockFile, stage: StageId, backingPath: string | null): Qcow2Image {
  if (backingPath === null) return openImage(file, { stage });
  return openImage(file, { stage, backing: openImage(openFile(backingPath, { readOnly: true })) });
}

/** Runs the measured section. */
function measure(
  lines: readonly ScriptLine[],
  options: OpsOptions,
  imagePath: string,
  backingPath: string | null,
  carried: { snapshotsTaken: number; vmStateEnd: number },
): CountingFile {
  let label = '';
  const begin = (next: string) => {
    label = next;
    options.onLabel?.(next);
  };
  begin('open');
  const raw = openFile(imagePath, { mode: options.cache });
  const counting = new CountingFile(
    options.onEvent ? new TracingFile(raw, (event) => options.onEvent!(label, event)) : raw,
  );
  counting.trigger = 'open';
  begin('phase open');
  const open = () => openWith(counting, options.stage, backingPath);
  const session: Session = { image: open(), open, ...carried };
  begin('phase run');
  try {
    for (const line of lines) {
      if (line.op.kind === 'mark') continue;
      counting.trigger = line.op.kind;
      begin(`op ${line.line} ${line.op.kind}`);
      execute(session, line);
    }
    counting.trigger = 'close';
    begin('phase close');
  } finally {
    session.image.close();
  }
  begin('phase end');
  return counting;
}

function execute(session: Session, { op, number }: ScriptLine): void {
  const { image } = session;
  switch (op.kind) {
    case 'w':
      return image.write(op.offset, new Uint8Array(op.length).fill(patternByte(number)));
    case 'r':
      return image.read(op.offset, new Uint8Array(op.length));
    case 'f':
      return image.flush();
    case 'vmstate':
      return writeVmState(session, op, number);
    case 'snap':
      image.createSnapshot({
        name: op.name,
        dateSeconds: FIRST_SNAPSHOT_DATE + session.snapshotsTaken,
        vmStateBytes: session.vmStateEnd,
      });
      session.snapshotsTaken++;
      return;
    case 'goto':
      return image.applySnapshot(op.name);
    case 'del':
      return image.deleteSnapshot(op.name);
    case 'reopen':
      image.close();
      session.image = session.open();
      return;
    case 'mark':
      return;
  }
}

function writeVmState(session: Session, op: Extract<Op, { kind: 'w' | 'r' | 'vmstate' }>, number: number): void {
  for (let done = 0; done < op.length; done += VM_STATE_PIECE_BYTES) {
    const piece = new Uint8Array(Math.min(VM_STATE_PIECE_BYTES, op.length - done)).fill(patternByte(number));
    session.image.writeVmState(op.offset + done, piece);
  }
  session.vmStateEnd = op.offset + op.length;
}

/** The backing image: full, in sequential 1 MiB writes with the scripts' own patterns. */
function makeBacking(sizeBytes: number, directory: string, name: string): string {
  const backingPath = path.join(directory, `${name}.backing.qcow2`);
  const file = openFile(backingPath, { create: true, mode: 'unsafe' });
  createImage(file, { sizeBytes, version: 2 });
  const image = openImage(file);
  for (let n = 1; (n - 1) * MiB < sizeBytes; n++) {
    const at = (n - 1) * MiB;
    image.write(at, new Uint8Array(Math.min(MiB, sizeBytes - at)).fill(patternByte(n)));
  }
  image.close();
  return backingPath;
}

function makeStartImage(script: OpScript, options: OpsOptions, imagePath: string, backingPath: string | null): void {
  if (options.start === undefined) {
    const file = openFile(imagePath, { create: true });
    const backing = backingPath === null ? {} : { backingFile: backingPath, backingFormat: 'qcow2' as const };
    createImage(file, {
      sizeBytes: script.sizeBytes,
      clusterSizeBytes: script.clusterSizeBytes,
      version: 2,
      ...backing,
    });
    return file.close();
  }
  let bytes: Uint8Array;
  try {
    const raw = readFileSync(options.start);
    bytes = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  } catch (error) {
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `cannot read starting image ${options.start}: ${(error as Error).message}`,
    );
  }
  writeFileSync(imagePath, bytes);
  if (backingPath !== null) setBackingFile(imagePath, backingPath);
}

function report(script: OpScript, options: OpsOptions, counting: CountingFile, digest: string): OpsResult {
  const { counts } = counting;
  const { open, close: _close, ...byTrigger } = counts.byTrigger;
  const byRole = (field: 'writes' | 'writeBytes') =>
    Object.fromEntries(
      Object.entries(counts.byKind).flatMap(([kind, of]) =>
        of[field] > 0 ? [[ROLES[kind as keyof typeof ROLES], of[field]]] : [],
      ),
    );
  return {
    script: script.name,
    stage: options.stage,
    mode: options.cache,
    fsyncs: counts.fsyncs,
    odsync_writes: counts.odsyncWrites,
    writes: counts.writes,
    write_bytes: counts.writeBytes,
    reads: counts.reads - (open?.reads ?? 0),
    read_bytes: counts.readBytes - (open?.readBytes ?? 0),
    image_bytes: counting.sizeBytes(),
    image_sha1: digest,
    by_op: Object.fromEntries(
      Object.entries(byTrigger).flatMap(([trigger, of]) => (trigger === 'other' ? [] : [[trigger, nonZero(of)]])),
    ),
    writes_by_role: byRole('writes'),
    write_bytes_by_role: byRole('writeBytes'),
  };
}

function nonZero(of: CountingFile['counts']['byTrigger'][string]): OpCounts {
  const named = {
    reads: of.reads,
    read_bytes: of.readBytes,
    writes: of.writes,
    write_bytes: of.writeBytes,
    odsync_writes: of.odsyncWrites,
    fsyncs: of.fsyncs,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value > 0));
}

async function sha1(file: string): Promise<string> {
  const hash = createHash('sha1');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex').slice(0, 12);
}
