/**
 * One run of a workload on a file that fails at one place, judged: how each request ended, what the image is like once it was
 * closed, and what the guest reads then.
 */
import {
  type CheckReport,
  checkImage,
  createImage,
  type Fault,
  FaultFile,
  type GuestDisk,
  MemoryFile,
  openImage,
  POLICIES,
  type PolicyName,
  Qcow2Error,
  type Qcow2ErrorCode,
  type Qcow2Image,
  SECTOR_BYTES,
  type StruckOperation,
} from '../../engine/index.ts';
import { requestWords, ValueTable } from '../crash/crash-workload.ts';
import { fillSector, valueAt } from '../crash/guest-values.ts';
import { performRequest } from '../crash/perform-request.ts';
import { backingValue, type FaultWorkload } from './fault-workloads.ts';
import { PossibleContent } from './possible-content.ts';

/**
 * `defect`: not a Qcow2Error, or no fault at all; `code`: the struck request said another thing; `hidden`: it succeeded;
 * `late-flush`: a flush succeeded after a failed sync; `consequence`: a later request failed although the fault was over, or
 * for another reason; `corrupt`: the image is; `content`: the guest reads what it must not.
 */
export type ViolationClass = 'defect' | 'code' | 'hidden' | 'late-flush' | 'consequence' | 'corrupt' | 'content';

export interface Violation {
  readonly class: ViolationClass;
  readonly text: string;
}

export interface TrialResult {
  readonly candidates: number;
  readonly struck: StruckOperation | null;
  /** What must not be; empty when the engine did right. */
  readonly violations: readonly Violation[];
  /** Of the image as it was left; where its dirty bit promises a repair at the next open, after that. */
  readonly check: CheckReport;
}

/** A disk whose every sector says its number. */
function backingDisk(sectors: number): GuestDisk {
  return {
    sizeBytes: sectors * SECTOR_BYTES,
    read(offset, into) {
      for (let at = 0; at < into.length; at += SECTOR_BYTES)
        fillSector(into.subarray(at, at + SECTOR_BYTES), backingValue((offset + at) / SECTOR_BYTES));
    },
  };
}

export class FaultTrials {
  readonly #workload: FaultWorkload;
  readonly #policy: PolicyName;
  readonly #values: ValueTable;
  readonly #start: Uint8Array;

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
  }

  run(fault: Fault): TrialResult {
    const writesAreDurable = POLICIES[this.#policy].hostCacheMode === 'writethrough';
    const memory = new MemoryFile('image', this.#start, { writesAreDurable });
    const trial = new Trial(this.#workload, this.#values, new FaultFile(memory, fault), fault, (file) =>
      this.#open(file, this.#policy),
    );
    trial.run();
    let check = checkImage(memory);
    if (check.isDirty) {
      this.#open(memory, this.#policy).close();
      check = checkImage(memory);
    }
    const corruption = check.findings.find(({ severity }) => severity === 'corruption' || severity === 'check-error');
    if (corruption !== undefined) trial.violations.push({ class: 'corrupt', text: corruption.text });
    else trial.judgeContent('after reopening', () => this.#open(memory, this.#policy));
    const { candidates, struck } = trial.file;
    return { candidates, struck, violations: trial.violations, check };
  }

  #open(file: MemoryFile | FaultFile, policy: PolicyName): Qcow2Image {
    const { backingSectors, cacheTables } = this.#workload;
    return openImage(file, {
      policy,
      ...(backingSectors > 0 ? { backing: backingDisk(backingSectors) } : {}),
      ...(cacheTables === null ? {} : { l2CacheTables: cacheTables.l2, refcountCacheTables: cacheTables.refcounts }),
    });
  }
}

class Trial {
  readonly violations: Violation[] = [];
  readonly file: FaultFile;
  readonly #workload: FaultWorkload;
  readonly #values: ValueTable;
  readonly #fault: Fault;
  readonly #open: (file: FaultFile) => Qcow2Image;
  readonly #content: PossibleContent;
  #image: Qcow2Image | null = null;
  /** False when a close said that what the image still held could not be written out. */
  #closed = true;

  constructor(
    workload: FaultWorkload,
    values: ValueTable,
    file: FaultFile,
    fault: Fault,
    open: (file: FaultFile) => Qcow2Image,
  ) {
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
      this.#image = this.#open(this.file);
    });
    for (let index = this.#workload.before.length; index < this.#values.requests.length; index++) this.#request(index);
    const image = this.#image;
    if (image === null) return;
    if (this.#isOver()) this.judgeContent('while open', () => image);
    this.#attempt('flush at the end', () => image.flush());
    this.#closed = this.#attempt('close', () => image.close());
  }

  /** Compares what the guest reads with what it may read. */
  judgeContent(when: string, open: () => Qcow2Image): void {
    let image: Qcow2Image;
    try {
      image = open();
    } catch (error) {
      this.#complain('content', `${when}: cannot be opened: ${(error as Error).message}`);
      return;
    }
    const bytes = new Uint8Array(SECTOR_BYTES);
    const words = new Uint32Array(bytes.buffer);
    for (const sector of this.#content.sectors()) {
      if ((sector + 1) * SECTOR_BYTES > image.sizeBytes) continue;
      try {
        image.read(sector * SECTOR_BYTES, bytes);
      } catch (error) {
        this.#complain('content', `${when}: sector ${sector} cannot be read: ${(error as Error).message}`);
        return;
      }
      const found = valueAt(words, 0);
      const allowed = this.#content.at(sector, this.#closed && !this.#keptFailing());
      if (allowed.has(found)) continue;
      this.#complain('content', `${when}: sector ${sector} holds ${found}, allowed ${[...allowed].join(' or ')}`);
      return;
    }
  }

  #request(index: number): void {
    if (this.#image === null || this.#isImpossible(index)) return;
    const words = requestWords(this.#values.requests[index]!);
    const perform = () => {
      this.#image = performRequest(this.#image!, this.#values, index, () => {
        this.#image = null;
        return this.#open(this.file);
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
    try {
      action();
    } catch (error) {
      const failure = this.#judgeFailure(error, hadStruck);
      if (failure !== null && mayBeRefused && error instanceof Qcow2Error && error.code === 'INVALID_ARGUMENT')
        return true;
      if (failure !== null) this.#complain(failure, `${words}: ${(error as Error).message}`);
      return false;
    }
    if (wasPoisoned && words.startsWith('flush')) this.#complain('late-flush', words);
    if (!hadStruck && this.file.struck !== null) this.#complain('hidden', words);
    return true;
  }

  /** What is wrong with this end of a request; null when it is what the fault asks for. */
  #judgeFailure(error: unknown, hadStruck: boolean): ViolationClass | null {
    if (!(error instanceof Qcow2Error) || this.file.struck === null) return 'defect';
    const isExpected = this.#expectedCodes().includes(error.code);
    if (!hadStruck) return isExpected ? null : 'code';
    return isExpected && this.#keptFailing() ? null : 'consequence';
  }

  #complain(violation: ViolationClass, text: string): void {
    this.violations.push({ class: violation, text });
  }

  /** From the fault on the file was of no use, so an image could not write out what it still held. */
  #keptFailing(): boolean {
    return this.file.struck !== null && (this.#fault.forGood || this.file.poisoned);
  }

  /** The request needs what an earlier one, which failed, was to make. */
  #isImpossible(index: number): boolean {
    const request = this.#values.requests[index]!;
    const image = this.#image!;
    if ('offset' in request && request.op !== 'vmstate-write') return request.offset + request.length > image.sizeBytes;
    const needsSnapshot = request.op === 'snapshot-apply' || request.op === 'snapshot-delete';
    return needsSnapshot && !image.listSnapshots().some(({ name }) => name === request.name);
  }

  /** The fault has struck and nothing will fail because of it again. */
  #isOver(): boolean {
    return this.file.struck !== null && !this.#keptFailing();
  }

  #expectedCodes(): Qcow2ErrorCode[] {
    const first: Qcow2ErrorCode = this.#fault.kind === 'EIO' ? 'IO' : 'NO_SPACE';
    return this.file.poisoned ? [first, 'IO'] : [first];
  }
}
