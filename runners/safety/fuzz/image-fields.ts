/**
 * Where the fields of a good image are: what a fuzzer that knows the format aims at (qcow2.rst, the whole of it). Decodes by
 * itself, so that a mistake of the engine's codecs does not hide the place that shows it.
 */

/** One field: its name is the same in every image, its place is not. */
export interface ImageField {
  readonly name: string;
  readonly offset: number;
  readonly widthBytes: number;
}

export interface ImageLayout {
  readonly clusterBytes: number;
  readonly fields: readonly ImageField[];
  /** Offsets of whole structures: what a wrong pointer may be pointed at, and where a file may be cut. */
  readonly structures: readonly number[];
  /** Ranges of metadata, for damage without aim. */
  readonly metadata: readonly (readonly [from: number, to: number])[];
}

/** An image, and where its fields are. */
export interface LaidOutImage {
  readonly bytes: Uint8Array;
  readonly layout: ImageLayout;
}

const HEADER_FIELDS: readonly (readonly [name: string, offset: number, widthBytes: number])[] = [
  ['magic', 0, 4],
  ['version', 4, 4],
  ['backing file offset', 8, 8],
  ['backing file size', 16, 4],
  ['cluster bits', 20, 4],
  ['size', 24, 8],
  ['crypt method', 32, 4],
  ['L1 size', 36, 4],
  ['L1 table offset', 40, 8],
  ['refcount table offset', 48, 8],
  ['refcount table clusters', 56, 4],
  ['snapshot count', 60, 4],
  ['snapshots offset', 64, 8],
  ['incompatible features', 72, 8],
  ['compatible features', 80, 8],
  ['autoclear features', 88, 8],
  ['refcount order', 96, 4],
  ['header length', 100, 4],
  ['compression type', 104, 1],
];

const SNAPSHOT_FIELDS: readonly (readonly [name: string, offset: number, widthBytes: number])[] = [
  ['L1 table offset', 0, 8],
  ['L1 size', 8, 4],
  ['id size', 12, 2],
  ['name size', 14, 2],
  ['date seconds', 16, 4],
  ['date nanoseconds', 20, 4],
  ['guest clock', 24, 8],
  ['VM state size', 32, 4],
  ['extra data size', 36, 4],
];

const VERSION_2_HEADER_BYTES = 72;
/** Entries of one table that are aimed at: enough for the first of each kind. */
const ENTRIES_PER_TABLE = 8;

/** Finds the fields of `bytes`, which must be a good image. */
export function layoutOf(bytes: Uint8Array): ImageLayout {
  return new LayoutReader(bytes).read();
}

class LayoutReader {
  readonly #view: DataView;
  readonly #clusterBytes: number;
  readonly #fields: ImageField[] = [];
  readonly #structures = new Set<number>();
  readonly #metadata: [number, number][] = [];

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#clusterBytes = 2 ** this.#view.getUint32(20);
  }

  read(): ImageLayout {
    const isVersion2 = this.#view.getUint32(4) === 2;
    for (const [name, offset, widthBytes] of HEADER_FIELDS) {
      if (!isVersion2 || offset < VERSION_2_HEADER_BYTES) this.#add(`header: ${name}`, offset, widthBytes);
    }
    this.#structure(0, this.#extensions(isVersion2 ? VERSION_2_HEADER_BYTES : this.#view.getUint32(100)));
    this.#l1Table('active', this.#u64(40), this.#view.getUint32(36));
    this.#refcounts();
    this.#snapshots();
    return {
      clusterBytes: this.#clusterBytes,
      fields: this.#fields,
      structures: [...this.#structures].sort((a, b) => a - b),
      metadata: this.#metadata,
    };
  }

  #add(name: string, offset: number, widthBytes: number): void {
    if (offset + widthBytes <= this.#view.byteLength) this.#fields.push({ name, offset, widthBytes });
  }

  #structure(offset: number, lengthBytes: number): void {
    this.#structures.add(offset);
    const end = Math.min(offset + lengthBytes, this.#view.byteLength);
    if (end > offset) this.#metadata.push([offset, end]);
  }

  /** Returns where the extensions and the backing file name end. */
  #extensions(start: number): number {
    let at = start;
    for (;;) {
      const type = this.#view.getUint32(at);
      const lengthBytes = this.#view.getUint32(at + 4);
      this.#add('extension: type', at, 4);
      this.#add('extension: length', at + 4, 4);
      if (type === 0) break;
      for (let inData = 0; inData < Math.min(lengthBytes, 16); inData += 8)
        this.#add('extension: data', at + 8 + inData, 8);
      at += 8 + Math.ceil(lengthBytes / 8) * 8;
    }
    const nameAt = this.#u64(8);
    if (nameAt > 0) this.#add('backing file name', nameAt, 1);
    return at + 16;
  }

  #l1Table(owner: string, offset: number, entryCount: number): void {
    this.#structure(offset, entryCount * 8);
    for (const at of this.#entriesInUse(offset, entryCount, 8)) {
      this.#add(`${owner} L1 entry`, at, 8);
      const l2 = this.#pointer(at);
      if (l2 > 0) this.#l2Table(owner, l2);
    }
  }

  #l2Table(owner: string, offset: number): void {
    const extended = this.#view.getUint32(4) === 3 && (this.#view.getUint8(79) & 16) !== 0;
    const entryBytes = extended ? 16 : 8;
    this.#structure(offset, this.#clusterBytes);
    for (const at of this.#entriesInUse(offset, this.#clusterBytes / entryBytes, entryBytes)) {
      const isCompressed = (this.#view.getUint8(at) & 64) !== 0;
      this.#add(`${owner} ${isCompressed ? 'compressed' : 'L2'} entry`, at, 8);
      if (extended) this.#add(`${owner} subcluster bitmaps`, at + 8, 8);
      this.#dataOf(at, isCompressed);
    }
  }

  /** The first bytes of what an L2 entry names: of interest where they are a compressed stream. */
  #dataOf(at: number, isCompressed: boolean): void {
    if (!isCompressed) {
      if (this.#pointer(at) > 0) this.#structures.add(this.#pointer(at));
      return;
    }
    const offsetBits = 62 - (Math.log2(this.#clusterBytes) - 8);
    const stream = Number(this.#view.getBigUint64(at) & ((1n << BigInt(offsetBits)) - 1n));
    this.#add('compressed stream', stream, 8);
  }

  #refcounts(): void {
    const table = this.#u64(48);
    const tableBytes = this.#view.getUint32(56) * this.#clusterBytes;
    this.#structure(table, tableBytes);
    for (const at of this.#entriesInUse(table, tableBytes / 8, 8)) {
      this.#add('refcount table entry', at, 8);
      const block = this.#pointer(at);
      if (block === 0) continue;
      this.#structure(block, this.#clusterBytes);
      // As 16-bit pieces, whatever the width: boundary values of wider counts come out of neighbours.
      for (const count of this.#entriesInUse(block, this.#clusterBytes / 2, 2)) this.#add('refcounts', count, 2);
    }
  }

  #snapshots(): void {
    let at = this.#u64(64);
    const count = this.#view.getUint32(60);
    if (count > 0) this.#structures.add(at);
    for (let index = 0; index < count; index++) {
      for (const [name, offset, widthBytes] of SNAPSHOT_FIELDS) this.#add(`snapshot: ${name}`, at + offset, widthBytes);
      const extraBytes = this.#view.getUint32(at + 36);
      for (let extra = 0; extra + 8 <= extraBytes; extra += 8) this.#add('snapshot: extra data', at + 40 + extra, 8);
      const nameAt = at + 40 + extraBytes;
      this.#add('snapshot: id and name', nameAt, 1);
      const end = nameAt + this.#view.getUint16(at + 12) + this.#view.getUint16(at + 14);
      this.#metadata.push([at, end]);
      this.#l1Table('snapshot', this.#u64(at), this.#view.getUint32(at + 8));
      at = Math.ceil(end / 8) * 8;
    }
  }

  /** Byte offsets of the first entries that are not zero, and of one that is. */
  #entriesInUse(offset: number, entryCount: number, entryBytes: number): number[] {
    const inUse: number[] = [];
    let empty: number | null = null;
    for (let index = 0; index < entryCount; index++) {
      const at = offset + index * entryBytes;
      if (at + entryBytes > this.#view.byteLength || inUse.length >= ENTRIES_PER_TABLE) break;
      let isZero = true;
      for (let byte = at; byte < at + entryBytes; byte++) isZero &&= this.#view.getUint8(byte) === 0;
      if (!isZero) inUse.push(at);
      else empty ??= at;
    }
    return empty === null ? inUse : [...inUse, empty];
  }

  #u64(offset: number): number {
    return Number(this.#view.getBigUint64(offset));
  }

  #pointer(at: number): number {
    return Number(this.#view.getBigUint64(at) & 0x00ff_ffff_ffff_fe00n);
  }
}
