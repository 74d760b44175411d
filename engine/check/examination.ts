/**
 * The state of one check: what the image claims, what is found on the way, and a buffer for the table being read.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { Findings } from './findings.ts';
import type { ImageShape } from './image-shape.ts';
import { OWNER_DATA, OWNER_L2, References } from './references.ts';

/** How an image is checked. */
export interface CheckOptions {
  /** How many findings are kept with their text (all are counted). Default 100. */
  readonly maxFindings?: number;
  /** Also inflate every compressed cluster and report streams that do not give a whole cluster. Default false. */
  readonly verifyCompressed?: boolean;
  /** Refuse files of more clusters than this; a check needs 9 bytes of memory for each. Default 2^26. */
  readonly maxClusters?: number;
}

const MAX_CLUSTERS = 2 ** 26;
/** Table entries that one check reads at most: a hostile image may name the same big table thousands of times. */
const ENTRY_BUDGET = 2 ** 27;
const SMALLEST_BUFFER_BYTES = 4096;

export class Examination {
  readonly file: BlockFile;
  readonly shape: ImageShape;
  readonly findings: Findings;
  readonly references: References;
  /** The refcounts that the image holds, by cluster; clamped at 2^32 - 1. */
  readonly stored: Uint32Array;
  readonly verifyCompressed: boolean;
  /** One table, or a piece of one; valid until the next {@link load}. */
  readonly view: DataView;
  /** The same bytes in host order: only good for finding entries that are not zero, four times faster than the view. */
  readonly words: Uint32Array;
  /** False once a pointer was found that could not be followed: what it leads to looks leaked, but may be data. */
  everythingWasFollowed = true;
  /** Where the farthest pointer that leaves the file ends; 0 without one. */
  outsideEnd = 0;
  /** False once something larger than a cluster lies outside the file: no crash does that. */
  onlyClustersAreOutside = true;
  /** False once the refcount table or an entry of it is wrong: then new refcount structures are the only repair. */
  refcountTableIsSound = true;
  allocatedClusters = 0;
  fragmentedClusters = 0;
  compressedClusters = 0;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #entryBudget = ENTRY_BUDGET;

  /** Throws INVALID_ARGUMENT when the file has more clusters than the options allow. */
  constructor(file: BlockFile, shape: ImageShape, options: CheckOptions) {
    const clusterCount = Math.ceil(shape.fileBytes / shape.clusterBytes);
    const limit = options.maxClusters ?? MAX_CLUSTERS;
    if (clusterCount > limit) {
      const message = `${file.name}: the file has ${clusterCount} clusters, the limit of this check is ${limit}`;
      throw new Qcow2Error('INVALID_ARGUMENT', message, { file: file.name, expected: limit, found: clusterCount });
    }
    this.file = file;
    this.shape = shape;
    this.findings = new Findings(options.maxFindings ?? 100);
    this.verifyCompressed = options.verifyCompressed ?? false;
    this.references = new References(shape.fileBytes, shape.clusterBytes);
    this.stored = new Uint32Array(clusterCount + 1);
    this.#bytes = new Uint8Array(Math.max(shape.clusterBytes, SMALLEST_BUFFER_BYTES));
    this.view = new DataView(this.#bytes.buffer);
    this.words = new Uint32Array(this.#bytes.buffer);
  }

  /** How many bytes one {@link load} can bring. */
  get bufferBytes(): number {
    return this.#bytes.length;
  }

  /** Reads a table into the buffer; false, with a finding, when the file fails. */
  load(offset: number, lengthBytes: number, kind: TableKind): boolean {
    return this.readInto(offset, this.#bytes.subarray(0, lengthBytes), kind);
  }

  /** Reads into a buffer of the caller's; false, with a finding, when the file fails. */
  readInto(offset: number, into: Uint8Array, kind: TableKind): boolean {
    try {
      this.file.read(offset, into, kind);
      return true;
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
      this.findings.add('read-error', offset, 'a table', error.message);
      this.everythingWasFollowed = false;
      return false;
    }
  }

  /** Takes `entries` from the budget; false, with one finding, when it is used up. */
  spend(entries: number): boolean {
    if (this.#entryBudget < 0) return false;
    this.#entryBudget -= entries;
    if (this.#entryBudget >= 0) return true;
    this.findings.add('limit', 0, `${ENTRY_BUDGET} table entries`, 'too many table entries');
    this.everythingWasFollowed = false;
    return false;
  }

  /**
   * Counts a reference to a range that the field or entry at file offset `at` names. False, with a finding, when the range leaves
   * the file.
   */
  refer(at: number, offset: number, lengthBytes: number, owner: number, times = 1): boolean {
    if (this.references.isOutside(offset, lengthBytes)) {
      this.findings.add('pointer-outside', at, `below ${this.shape.fileBytes}`, offset, times);
      this.noteOutside(offset + lengthBytes, owner === OWNER_DATA || owner === OWNER_L2);
      return false;
    }
    this.references.add(offset, lengthBytes, owner, times);
    return true;
  }

  /** Remembers that something ends at `end`, past the end of the file, and was not followed. */
  noteOutside(end: number, isCluster: boolean): void {
    this.everythingWasFollowed = false;
    this.outsideEnd = Math.max(this.outsideEnd, end);
    if (!isCluster) this.onlyClustersAreOutside = false;
  }

  /** The stored refcount of the cluster at a host offset; 0 past the end of the file. */
  storedAt(offset: number): number {
    return this.stored[Math.floor(offset / this.shape.clusterBytes)] ?? 0;
  }
}
