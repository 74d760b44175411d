/**
 * Runs an op script against a real file, at one stage of history or under a policy, and counts what it did in the terms of the reference.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  type Behaviour,
  type BlockFile,
  CountingFile,
  type DiskRequest,
  ForwardingFile,
  type HostCacheMode,
  type OpenOptions,
  type Operation,
  openFile,
  openImage,
  type PolicyFactory,
  perform,
  Qcow2Error,
  type Qcow2Image,
  TimingFile,
} from '../../engine/index.ts';
import { systemReason } from '../console/parser-words.ts';
import { CLOSE, OPEN, type OpsResult, resultOf } from './result.ts';
import { type OpScript, patternByte, piecesOf, type ScriptLine } from './script.ts';

import { filesOf, makeBacking, nameBackingFile, startImage } from './start-image.ts';
import { type OpsSubject, type SubjectSetup, subjectSetup } from './subject.ts';

export type OpsOptions = OpsSubject & RunOptions;

interface RunOptions {
  readonly cache: HostCacheMode;
  /** Starting image, plain or gzip; a new one when absent. */
  readonly start?: string;
  /** Where the image is made, over one of an earlier run; it is left there, unless the run fails. */
  readonly directory: string;
  /** Called with each file operation, in order. */
  readonly onOperation?: (operation: Operation) => void;
  /** Called when what follows belongs to something else: a phase, or an op. */
  readonly onLabel?: (label: string) => void;
  /** What would it have done otherwise? Default: as the program of that day, its defects included. */
  readonly behaviour?: Behaviour;
  /** What would another policy have cost? Default: as the stage's. */
  readonly alterPolicy?: (create: PolicyFactory) => PolicyFactory;
}

const NOTHING = new Uint8Array(0);

/** What the ops share: the open image. */
interface Session {
  image: Qcow2Image;
  readonly open: () => Qcow2Image;
}

/** Runs `script`. When it fails, nothing that it made is left. Throws Qcow2Error, naming the script's line where there is one. */
export async function runOps(script: OpScript, options: OpsOptions): Promise<OpsResult> {
  const files = filesOf(script, options.directory);
  refuseOwnInput(options.start, files);
  const start = startImage(script, options.start);
  if (files.backing !== null) nameBackingFile(start, path.basename(files.backing));
  const newDirectory = makeDirectory(options.directory);
  try {
    writeStart(files.image, start);
    if (files.backing !== null) makeBacking(script.backingBytes!, files.backing);
    const setup = subjectSetup(options, options.cache);
    const counting = runSections(script, options, setup, files);
    const run = { script: script.name, ...setup.name, mode: options.cache };
    const image = { image_bytes: counting.sizeBytes(), image_sha1: await sha1(files.image) };
    return resultOf({ ...run, ...image }, counting.counts);
  } catch (error) {
    rmSync(files.image, { force: true });
    if (files.backing !== null) rmSync(files.backing, { force: true });
    if (newDirectory !== undefined) rmSync(newDirectory, { recursive: true, force: true });
    throw error;
  }
}

/** The run writes over the image of an earlier run, but not over what it starts from. */
function refuseOwnInput(start: string | undefined, files: { image: string; backing: string | null }): void {
  if (start === undefined || !existsSync(start)) return;
  for (const file of [files.image, files.backing]) {
    if (file === null || !existsSync(file) || realpathSync(file) !== realpathSync(start)) continue;
    throw new Qcow2Error(
      'INVALID_ARGUMENT',
      `the run would write over its starting image ${start}; use another directory`,
    );
  }
}

/** Returns the first directory that had to be made, if any. */
function makeDirectory(directory: string): string | undefined {
  try {
    return mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new Qcow2Error('IO', `cannot make directory ${directory}: ${systemReason(error)}`, {}, error);
  }
}

function writeStart(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes);
  } catch (error) {
    throw new Qcow2Error('IO', `cannot write ${file}: ${systemReason(error)}`, { file }, error);
  }
}

function runSections(
  script: OpScript,
  options: RunOptions,
  setup: SubjectSetup,
  files: { image: string; backing: string | null },
): CountingFile {
  if (script.prep.length > 0) {
    const { create, open: as } = subjectSetup({ stage: 'S4b' }, 'writeback');
    const open = () => openWith(openFile(files.image), { ...as, policy: create }, files.backing);
    const session: Session = { image: open(), open };
    executeAll(session, script, script.prep, () => {});
  }
  const label = options.onLabel ?? (() => {});
  label('open');
  const raw = new ReopenableFile(openFile(files.image, { mode: setup.fileMode }));
  try {
    const counting = new CountingFile(options.onOperation ? new TimingFile(raw, options.onOperation) : raw);
    counting.serving = [{ op: OPEN }];
    label('phase open');
    const { alterPolicy = (create) => create, behaviour } = options;
    const as = { ...setup.open, policy: alterPolicy(setup.create), ...(behaviour !== undefined && { behaviour }) };
    const open = () => openWith(counting, as, files.backing);
    const session: Session = { image: open(), open };
    label('phase run');
    executeAll(session, script, script.run, (phase) => {
      counting.serving = [{ op: phase === null ? CLOSE : phase.word }];
      label(phase === null ? 'phase close' : `op ${phase.line} ${phase.word}`);
    });
    label('phase end');
    return counting;
  } finally {
    raw.closeForGood();
  }
}

/** A reopened image continues with the same descriptor and the same counters: what it costs is what the image does. */
class ReopenableFile extends ForwardingFile {
  override close(): void {}

  closeForGood(): void {
    this.inner.close();
  }
}

function openWith(file: BlockFile, options: OpenOptions, backingPath: string | null): Qcow2Image {
  if (backingPath === null) return openImage(file, options);
  return openImage(file, { ...options, backing: openImage(openFile(backingPath, { readOnly: true })) });
}

/** Executes the lines and closes the image; `begin` is called before each op, and with null before the close. */
function executeAll(
  session: Session,
  script: OpScript,
  lines: readonly ScriptLine[],
  begin: (line: ScriptLine | null) => void,
): void {
  try {
    for (const line of lines) {
      begin(line);
      execute(session, script, line);
    }
  } catch (error) {
    closeAfterFailure(session.image);
    throw error;
  }
  begin(null);
  session.image.close();
}

/** Closing writes out what it can; what fails now only repeats the first failure. */
function closeAfterFailure(image: Qcow2Image): void {
  try {
    image.close();
  } catch {}
}

function execute(session: Session, script: OpScript, line: ScriptLine): void {
  try {
    executeOp(session, line);
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    throw new Qcow2Error(error.code, `${script.file}:${line.line}: ${error.message}`, error.facts, error);
  }
}

function executeOp(session: Session, { request, number }: ScriptLine): void {
  if (request.op !== 'reopen') {
    for (const piece of piecesOf(request)) perform(session.image, piece, payloadOf(piece, patternByte(number)));
    return;
  }
  session.image.close();
  session.image = session.open();
}

function payloadOf(request: DiskRequest, byte: number): Uint8Array {
  if (request.op === 'read') return new Uint8Array(request.length);
  const writes = request.op === 'write' || request.op === 'vmstate-write';
  return writes ? new Uint8Array(request.length).fill(byte) : NOTHING;
}

async function sha1(file: string): Promise<string> {
  const hash = createHash('sha1');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex').slice(0, 12);
}
