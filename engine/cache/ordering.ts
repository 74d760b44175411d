/** What orders are about: tables, pointers, and everything written up to some change. */
import type { TableKind } from '../io/block-file.ts';
import type { DurableFile, Sequence } from '../io/durability.ts';
import { writeBytes } from '../io/sector-access.ts';
import { CachedTable } from './cached-table.ts';

/** Something that lies in the image file, in memory or not. Cached tables and pointers are places, too. */
export interface Place {
  readonly kind: TableKind;
  /** Bytes. */
  readonly offset: number;
}

/** A small write that makes something reachable: an L1 sector, a refcount table entry, a header field, a snapshot table. */
export class Pointer implements Place {
  readonly kind: TableKind;
  readonly offset: number;
  /** As they are when the pointer is written; whoever postpones that and wants them as they are now has to copy them. */
  readonly bytes: Uint8Array;
  /** The part of {@link bytes} that the pointer changes; the rest is in the file already. */
  readonly #changed: { readonly from: number; readonly to: number };
  #writtenAt = 0 as Sequence;
  #successor: Pointer | null = null;

  constructor(kind: TableKind, offset: number, bytes: Uint8Array, changed = { from: 0, to: bytes.length }) {
    this.kind = kind;
    this.offset = offset;
    this.bytes = bytes;
    this.#changed = changed;
  }

  /** Number of the change that wrote it; 0 for not yet. */
  get writtenAt(): Sequence {
    return this.#successor?.writtenAt ?? this.#writtenAt;
  }

  /** It need not be written any more: what it named is named through `successor`, which is later. */
  supersededBy(successor: Pointer): void {
    this.#successor = successor;
  }

  /** Writes it, by sectors. No sync. @throws Qcow2Error */
  write(file: DurableFile): void {
    writeBytes(file, this.offset, this.bytes, this.kind);
    this.#writtenAt = file.written;
  }

  /** Writes nothing but the bytes that change, where the file takes them. What surrounds them is in the file. @throws Qcow2Error */
  writeChanged(file: DurableFile): void {
    if (file.sectorsOnly) return this.write(file);
    const { from, to } = this.#changed;
    file.write(this.offset + from, this.bytes.subarray(from, to), this.kind);
    this.#writtenAt = file.written;
  }
}

/** What must be durable before something else: a table or a pointer as it is now, or all changes of the files up to a number. */
export type Prerequisite = CachedTable | Pointer | Sequence;

/**
 * Whether all of it survives a power cut when the changes up to `durable` do. A table that changed again since does not; one that was
 * given up dirty has nothing left to wait for.
 */
export function isDurable(prerequisites: readonly Prerequisite[], durable: Sequence): boolean {
  return prerequisites.every((one) => {
    if (typeof one === 'number') return one <= durable;
    if (one instanceof CachedTable) return !one.isDirty && one.writtenAt <= durable;
    return one.writtenAt > 0 && one.writtenAt <= durable;
  });
}
