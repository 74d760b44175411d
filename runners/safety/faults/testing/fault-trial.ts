/**
 * One run of a workload on a file that fails at one place, judged: how each request ended, what the image is like once it was
 * closed, and what the guest reads then.
 */
import {
  type BlockFile,
  type CheckReport,
  checkImage,
  createImage,
  type Fault,
  FaultFile,
  type Finding,
  MemoryFile,
  openImage,
  type PolicyName,
  policyNamed,
  Qcow2Error,
  type Qcow2ErrorCode,
  type Qcow2Image,
  repairImage,
  SECTOR_BYTES,
  type StruckOperation,
} from '../../../../engine/index.ts';
import { requestWords, ValueTable } from '../../requests/crash-workload.ts';
import { valueAt } from '../../requests/guest-values.ts';
import { performRequest } from '../../requests/perform-request.ts';
import { backingDisk, type FaultWorkload } from './fault-workloads.ts';
import { OperationLimit } from './operation-limit.ts';
import { PossibleContent } from './possible-content.ts';
import { RoomWatch } from './room-watch.ts';

/**
 * `defect`: not a Qcow2Error, or no fault at all; `code`: the request that was hit reported another error; `hidden`: it succeeded, and
 * nothing was released for it that was held back;
 * `late-flush`: a flush succeeded after a failed sync; `consequence`: a later request failed although the fault was over, or
 * for another reason; `corrupt`: the image is; `content`: the guest reads what it must not; `snapshots`: the list of them, or what
 * one of them holds, is not what it may be; `repair`: a repair does not fix the image, or the guest then reads what it must not.
 */
export type ViolationClass =
  | 'defect'
  | 'code'
  | 'hidden'
  | 'late-flush'
  | 'consequence'
  | 'corrupt'
  | 'content'
  | 'snapshots'
  | 'repair';

export interface Violation {
  readonly class: ViolationClass;
  readonly text: string;
}

export interface TrialResult {
  readonly candidates: number;
  readonly struck: StruckOperation | null;
  /** The request that it hit first; -1 for opening the image, the number of requests for closing it. */
  readonly struckRequest: number;
  /** From the fault on the file took nothing more. */
  readonly isLasting: boolean;
  readonly operations: number;
  /** The disk was full, and what was held back was released. */
  readonly madeRoom: boolean;
  /** What had to be done before it was sound: `without-snapshots` is a repair after the list of snapshots was given up. */
  readonly neededRepair: 'nothing' | 'repaired' | 'without-snapshots';
  /** What must not be; empty when the engine did right. */
  readonly violations: readonly Violation[];
  /** Of the image as it was left; where its dirty bit promises a repair at the next open, after that. */
  readonly check: CheckReport;
}

/** Of an undisturbed run, and reads of every sector. */
const OPERATIONS_FACTOR = 3;
const OPERATIONS_BESIDE = 3000;
/** Of the header field `nb_snapshots`. */
const SNAPSHOT_COUNT_OFFSET = 60;

function damageIn({ findings }: CheckReport): Finding | undefined {
  return findings.find(({ severity }) => severity === 'corruption' || severity === 'check-error');
}

export class FaultTrials {
  readonly #workload: FaultWorkload;
  readonly #policy: PolicyName;
  readonly #values: ValueTable;
  readonly #start: Uint8Array;
  /** Far more than any run needs, even one that fails, takes back what it did and tries again. */
  #operationsMax = Number.POSITIVE_INFINITY;

  constructor(workload: FaultWorkload, policy: PolicyName) {
    this.#workload = workload;
    this.#policy = policy;
    this.#values = new ValueTable(workload);
    const file = new MemoryFile();
    const { backingSectors, refcountBits } = workload;
    const made = { ...workload.image, refcountBits };
    createImage(file, backingSectors > 0 ? { ...made, backingFile: 'base.raw', backingFormat: 'raw' } : made);
    let image = this.#open(file, 'writeback');
    workload.before.forEach((_, index) => {
      image = performRequest(image, this.#values, index, () => this.#open(file, 'writeback'));
    });
    image.close();
    this.#start = file.bytes();
    this.#operationsMax = OPERATIONS_BESIDE + OPERATIONS_FACTOR * this.runUndisturbed().operations;
  }

  runUndisturbed(): TrialResult {
    return this.run({ kind: 'EIO', position: Number.MAX_SAFE_INTEGER, forGood: false });
  }

  run(fault: Fault): TrialResult {
    const writesAreDurable = policyNamed(this.#policy).hostCacheMode === 'writethrough';
    const memory = new MemoryFile('image', this.#start, { writesAreDurable });
    const file = new FaultFile(memory, fault);
    const limited = new OperationLimit(file, this.#operationsMax);
    const room = new RoomWatch();
    const open = () => this.#open(limited, this.#policy, room);
    const trial = new Trial(this.#workload, this.#values, file, fault, open);
    trial.run();
    let check = checkImage(memory);
    if (check.isDirty) {
      this.#open(memory, this.#policy).close();
      check = checkImage(memory);
    }
    const neededRepair = this.#judgeLeft(trial, memory, check);
    const { candidates, struck } = file;
    const { struckRequest, keptFailing: isLasting } = trial;
    const { operations } = limited;
    // What was held back and released: only then may a request succeed on a full disk.
    const madeRoom = room.made > 0 && fault.kind !== 'EIO';
    const violations = trial.violations.filter((violation) => !(madeRoom && violation.class === 'hidden'));
    return { candidates, struck, struckRequest, isLasting, operations, madeRoom, neededRepair, violations, check };
  }

  /** Judges the image as it was left; a corrupt one once it has been repaired. */
  #judgeLeft(trial: Trial, memory: MemoryFile, check: CheckReport): TrialResult['neededRepair'] {
    const corruption = damageIn(check);
    if (corruption === undefined) {
      trial.judgeLeft('content', () => this.#openToRead(memory));
      return 'nothing';
    }
    trial.complain('corrupt', corruption.text);
    let neededRepair: TrialResult['neededRepair'] = 'repaired';
    if (damageIn(repairImage(memory).after) !== undefined) {
      neededRepair = 'without-snapshots';
      memory.write(SNAPSHOT_COUNT_OFFSET, new Uint8Array(4), 'header');
      trial.giveUpSnapshots();
      const still = damageIn(repairImage(memory).after);
      if (still !== undefined) trial.complain('repair', still.text);
    }
    trial.judgeLeft('repair', () => this.#openToRead(memory));
    return neededRepair;
  }

  #openToRead(memory: MemoryFile): Qcow2Image {
    return this.#open(new MemoryFile('image', memory.bytes(), { readOnly: true }), this.#policy);
  }

  #open(file: BlockFile, policy: PolicyName, room = new RoomWatch()): Qcow2Image {
    const { backingSectors, cacheTables } = this.#workload;
    return openImage(file, {
      policy: room.around(policy),
      behaviour: policyNamed(policy).behaviour,
      ...(backingSectors > 0 ? { backing: backingDisk(backingSectors) } : {}),
      ...(cacheTables === null ? {} : { l2CacheTables: cacheTables.l2, refcountCacheTables: cacheTables.refcounts }),
    });
  }
}

class Trial {
  readonly violations: Violation[] = [];
  readonly file: FaultFile;
  /** See {@link TrialResult.struckRequest}. */
  struckRequest = -1;
  /** The request that is being made. */
  #now = -1;
  readonly #workload: FaultWorkload;
  readonly #values: ValueTable;
  readonly #fault: Fault;
  readonly #open: () => Qcow2Image;
  readonly #content: PossibleContent;
  #image: Qcow2Image | null = null;
  /** False when a close said that what the image still held could not be written out. */
  #closed = true;

  constructor(workload: FaultWorkload, values: ValueTable, file: FaultFile, fault: Fault, open: () => Qcow2Image) {
    this.#workload = workload;
    this.#values = values;
    this.file = file;
    this.#fault = fault;
    this.#open = open;
    this.#content = new PossibleContent(workload, values);
    workload.before.forEach((_, index) => {
      this.#content.acknowledged(index);
    });
    this.#content.settle();
  }

  run(): void {
    this.#attempt('open', () => {
      this.#image = this.#open();
    });
    for (let index = this.#workload.before.length; index < this.#values.requests.length; index++) this.#request(index);
    const image = this.#image;
    if (image === null) return;
    this.#now = this.#values.requests.length;
    if (!this.keptFailing)
      this.#attempt('reading', () => {
        this.#judgeDisk('content', image);
      });
    this.#attempt('flush at the end', () => image.flush());
    this.#closed = this.#attempt('close', () => image.close());
  }

  giveUpSnapshots(): void {
    this.#content.forgetSnapshots();
  }

  /** Compares what an image open for reading holds with what it may hold: disk, list of snapshots, and each of them. */
  judgeLeft(kind: 'content' | 'repair', open: () => Qcow2Image): void {
    try {
      const image = open();
      if (!this.#judgeDisk(kind, image)) return;
      for (const { name } of image.listSnapshots())
        this.#judgeSectors('snapshots', image.openSnapshot(name), (sector, isSettled) =>
          this.#content.inSnapshot(name, sector, isSettled),
        );
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
      this.complain(kind, `cannot be read: ${error.message}`);
    }
  }

  /** True when the list of snapshots is right. */
  #judgeDisk(kind: ViolationClass, image: Qcow2Image): boolean {
    this.#judgeSectors(kind, image, (sector, isSettled) => this.#content.at(sector, isSettled));
    const wrong = this.#content.judgeNames(image.listSnapshots().map(({ name }) => name));
    if (wrong !== null) this.complain('snapshots', wrong);
    return wrong === null;
  }

  #judgeSectors(
    kind: ViolationClass,
    image: Qcow2Image,
    allowedAt: (sector: number, isSettled: boolean) => ReadonlySet<number>,
  ): void {
    const bytes = new Uint8Array(SECTOR_BYTES);
    const words = new Uint32Array(bytes.buffer);
    for (const sector of this.#content.sectors()) {
      if ((sector + 1) * SECTOR_BYTES > image.sizeBytes) continue;
      image.read(sector * SECTOR_BYTES, bytes);
      const found = valueAt(words, 0);
      const allowed = allowedAt(sector, this.#closed && !this.keptFailing);
      if (allowed.has(found)) continue;
      return this.complain(kind, `sector ${sector} holds ${found}, allowed ${[...allowed].join(' or ')}`);
    }
  }

  #request(index: number): void {
    if (this.#image === null || this.#isImpossible(index)) return;
    this.#now = index;
    const words = requestWords(this.#values.requests[index]!);
    const perform = () => {
      this.#image = performRequest(this.#image!, this.#values, index, () => {
        this.#image = null;
        return this.#open();
      });
    };
    const before = this.file.struck;
    if (this.#attempt(words, perform)) return this.#content.acknowledged(index);
    this.#content.failed(index);
    // Failed or not, a close is the end of that image.
    if (this.#values.requests[index]!.op === 'reopen') {
      this.#image = null;
      this.#closed = false;
    }
    // A guest, or its owner, tries again what failed.
    const struckNow = before === null && this.file.struck !== null;
    if (!struckNow || this.#image === null) return;
    if (this.#attempt(`${words}, again`, perform, this.#isInEffect(index))) this.#content.acknowledged(index);
  }

  /** True when the request did all that can be seen of it before it failed; then the second try may be refused. */
  #isInEffect(index: number): boolean {
    const request = this.#values.requests[index]!;
    const lists = 'name' in request && this.#image!.listSnapshots().some(({ name }) => name === request.name);
    return (request.op === 'snapshot-create' && lists) || (request.op === 'snapshot-delete' && !lists);
  }

  /** True when `action` succeeded. Records every way in which it must not end. */
  #attempt(words: string, action: () => void, mayBeRefused = false): boolean {
    const wasPoisoned = this.file.poisoned;
    const hadStruck = this.file.struck !== null;
    if (!hadStruck) this.struckRequest = this.#now;
    try {
      action();
    } catch (error) {
      const failure = this.#judgeFailure(error, hadStruck);
      if (failure !== null && mayBeRefused && error instanceof Qcow2Error && error.code === 'INVALID_ARGUMENT')
        return true;
      if (failure !== null) this.complain(failure, `${words}: ${(error as Error).message}`);
      return false;
    }
    if (wasPoisoned && words.startsWith('flush')) this.complain('late-flush', words);
    if (!hadStruck && this.file.struck !== null) this.complain('hidden', words);
    return true;
  }

  /** What is wrong with this end of a request; null when it is what the fault asks for. */
  #judgeFailure(error: unknown, hadStruck: boolean): ViolationClass | null {
    if (!(error instanceof Qcow2Error) || this.file.struck === null) return 'defect';
    const isExpected = this.#expectedCodes().includes(error.code);
    if (!hadStruck) return isExpected ? null : 'code';
    return isExpected && this.keptFailing ? null : 'consequence';
  }

  complain(violation: ViolationClass, text: string): void {
    this.violations.push({ class: violation, text });
  }

  /** From the fault on the file was of no use, so an image could not write out what it still held. */
  get keptFailing(): boolean {
    const lasts = this.#fault.forGood && this.#fault.kind !== 'EINTR';
    return this.file.struck !== null && (lasts || this.file.poisoned);
  }

  /** The request needs what an earlier one, which failed, was to make. */
  #isImpossible(index: number): boolean {
    const request = this.#values.requests[index]!;
    const image = this.#image!;
    if ('offset' in request && request.op !== 'vmstate-write') return request.offset + request.length > image.sizeBytes;
    const needsSnapshot = request.op === 'snapshot-apply' || request.op === 'snapshot-delete';
    return needsSnapshot && !image.listSnapshots().some(({ name }) => name === request.name);
  }

  #expectedCodes(): Qcow2ErrorCode[] {
    const first: Qcow2ErrorCode = this.#fault.kind === 'EIO' ? 'IO' : 'NO_SPACE';
    return this.file.poisoned ? [first, 'IO'] : [first];
  }
}
