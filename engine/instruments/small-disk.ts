/**
 * A {@link BlockFile} on a file system with a given number of free blocks: a write first takes those that it touches, a hole and a shorter file give them
 * back. What a full disk does to an image can then be tested, and explored, block by block.
 */
import { Qcow2Error } from '../base/errors.ts';
import type { BlockFile, TableKind } from '../io/block-file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';

/** A file that runs out of space; see above for which calls take and give back blocks. */
export class SmallDisk extends ForwardingFile {
  readonly #blockBytes: number;
  readonly #taken = new Set<number>();
  /** Can be set: somebody else takes space, or makes some. */
  blocksLeft: number;

  /** All blocks of the file as it is are taken. */
  constructor(inner: BlockFile, blocksLeft: number, blockBytes = 4096) {
    super(inner);
    this.blocksLeft = blocksLeft;
    this.#blockBytes = blockBytes;
    for (const block of this.#blocks(0, inner.sizeBytes())) this.#taken.add(block);
  }

  /** @throws Qcow2Error NO_SPACE, and nothing is written. */
  override write(offset: number, from: Uint8Array, kind: TableKind): void {
    this.#take(offset, from.length);
    super.write(offset, from, kind);
  }

  override preallocate(offset: number, lengthBytes: number): boolean {
    this.#take(offset, lengthBytes);
    return super.preallocate(offset, lengthBytes);
  }

  override punchHole(offset: number, lengthBytes: number): boolean {
    const isWhole = (block: number) =>
      block * this.#blockBytes >= offset && (block + 1) * this.#blockBytes <= offset + lengthBytes;
    this.#free(this.#blocks(offset, offset + lengthBytes).filter(isWhole));
    return super.punchHole(offset, lengthBytes);
  }

  override truncate(sizeBytes: number): void {
    this.#free([...this.#taken].filter((block) => block * this.#blockBytes >= sizeBytes));
    super.truncate(sizeBytes);
  }

  #take(offset: number, lengthBytes: number): void {
    const blocks = this.#blocks(offset, offset + lengthBytes).filter((block) => !this.#taken.has(block));
    if (blocks.length > this.blocksLeft)
      throw new Qcow2Error('NO_SPACE', `${this.name}: no space left on device`, { file: this.name, offset });
    this.blocksLeft -= blocks.length;
    for (const block of blocks) this.#taken.add(block);
  }

  #free(blocks: readonly number[]): void {
    for (const block of blocks) if (this.#taken.delete(block)) this.blocksLeft++;
  }

  #blocks(from: number, to: number): number[] {
    const first = Math.floor(from / this.#blockBytes);
    return Array.from({ length: Math.ceil(to / this.#blockBytes) - first }, (_, index) => first + index);
  }
}
