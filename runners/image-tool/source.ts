/** What a command reads from: one disk, or several concatenated, as whole sectors. */
import { type GuestDisk, roundUp, SECTOR_BYTES } from '../../engine/index.ts';
import { filesOf } from './disks.ts';
import { type Extent, extentAt, type MappableDisk } from './extents.ts';

export interface Source {
  /** A multiple of 512; bytes past the end of a disk of another size are zeros. */
  readonly sizeBytes: number;
  /** Every file that is read. */
  readonly files: readonly string[];
  /** How the bytes at `offset` are stored, at most `lengthBytes` of them. */
  extentAt(offset: number, lengthBytes: number): Extent;
  read(offset: number, into: Uint8Array): void;
  close(): void;
}

/** `disk` as a source; closed with it. */
export function sourceOf(disk: MappableDisk): Source {
  const sizeBytes = roundUp(disk.sizeBytes, SECTOR_BYTES);
  return {
    sizeBytes,
    files: filesOf(disk),
    extentAt(offset, lengthBytes) {
      const present = Math.min(lengthBytes, disk.sizeBytes - offset);
      if (present > 0) return extentAt(disk, offset, present);
      return { ...zerosPastEnd(offset, lengthBytes), fileName: disk.fileName };
    },
    read(offset, into) {
      const present = Math.max(0, Math.min(into.length, disk.sizeBytes - offset));
      if (present > 0) disk.read(offset, into.subarray(0, present));
      into.fill(0, present);
    },
    close: () => (disk as GuestDisk).close?.(),
  };
}

/** A disk of no bytes. */
export function emptySource(): Source {
  const nothing = { sizeBytes: 0, files: [], read() {}, close() {} };
  return { ...nothing, extentAt: (offset, length) => ({ ...zerosPastEnd(offset, length), fileName: '' }) };
}

function zerosPastEnd(offset: number, lengthBytes: number): Omit<Extent, 'fileName'> {
  return { offset, lengthBytes, depth: 0, stored: 'zero', hostOffset: null, isPastBacking: false };
}

/** The sources, concatenated; closed with it. */
export function concatenated(sources: readonly Source[]): Source {
  if (sources.length === 1) return sources[0]!;
  const starts = sources.map((_, index) => sources.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const sizeBytes = sources.reduce((sum, source) => sum + source.sizeBytes, 0);
  /** The source that holds `offset`, the offset in it, and how far it goes. */
  const partAt = (offset: number) => {
    const index = starts.findLastIndex((start, at) => start <= offset && sources[at]!.sizeBytes > 0);
    const source = sources[index]!;
    const inSource = offset - starts[index]!;
    return { source, inSource, left: source.sizeBytes - inSource };
  };
  return {
    sizeBytes,
    files: sources.flatMap(({ files }) => files),
    extentAt(offset, lengthBytes) {
      const { source, inSource, left } = partAt(offset);
      return { ...source.extentAt(inSource, Math.min(lengthBytes, left)), offset };
    },
    read(offset, into) {
      for (let done = 0; done < into.length; ) {
        const { source, inSource, left } = partAt(offset + done);
        const length = Math.min(into.length - done, left);
        source.read(inSource, into.subarray(done, done + length));
        done += length;
      }
    },
    close() {
      for (const source of sources) source.close();
    },
  };
}

/** The part of a source from `offset` on, `lengthBytes` long; closed with it. */
export function sliceOf(source: Source, start: number, lengthBytes: number): Source {
  const sizeBytes = roundUp(lengthBytes, SECTOR_BYTES);
  const present = (offset: number, length: number) =>
    Math.max(0, Math.min(length, lengthBytes - offset, source.sizeBytes - start - offset));
  return {
    sizeBytes,
    files: source.files,
    extentAt(offset, length) {
      const inside = present(offset, length);
      if (inside > 0) return { ...source.extentAt(start + offset, inside), offset };
      return { ...zerosPastEnd(offset, length), fileName: source.files[0]! };
    },
    read(offset, into) {
      const inside = present(offset, into.length);
      if (inside > 0) source.read(start + offset, into.subarray(0, inside));
      into.fill(0, inside);
    },
    close: () => source.close(),
  };
}
