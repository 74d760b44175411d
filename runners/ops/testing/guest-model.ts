/** What the guest's disk must hold after a script: a byte value a sector, because every op fills its whole range with one. */
import { MiB, type Qcow2Image, SECTOR_BYTES } from '../../../engine/index.ts';
import { type OpScript, patternByte } from '../script.ts';

type Sectors = ReadonlyMap<number, number>;

/** Sector number → byte it is filled with; a sector that is not here was never touched. */
export function expectedSectors(script: OpScript): Sectors {
  let disk = new Map<number, number>();
  const backingBytes = script.backingBytes ?? 0;
  for (let at = 0; at < backingBytes; at += SECTOR_BYTES) {
    disk.set(at / SECTOR_BYTES, patternByte(Math.floor(at / MiB) + 1));
  }
  const snapshots = new Map<string, Sectors>();
  for (const { request, number } of [...script.prep, ...script.run]) {
    if (request.op === 'write') fill(disk, request.offset, request.length, patternByte(number));
    else if (request.op === 'snapshot-create') snapshots.set(request.name, new Map(disk));
    else if (request.op === 'snapshot-apply') disk = new Map(snapshots.get(request.name));
  }
  return disk;
}

function fill(disk: Map<number, number>, offset: number, length: number, byte: number): void {
  for (let at = offset; at < offset + length; at += SECTOR_BYTES) disk.set(at / SECTOR_BYTES, byte);
}

/** The first sector of `image` that differs from `expected`, described; null when there is none. Also looks between the sectors. */
export function firstDifference(image: Qcow2Image, expected: Sectors): string | null {
  const into = new Uint8Array(SECTOR_BYTES);
  const last = image.sizeBytes / SECTOR_BYTES - 1;
  const sectors = new Set([...expected.keys()].flatMap((sector) => [sector, Math.min(sector + 1, last)]));
  for (const sector of sectors) {
    image.read(sector * SECTOR_BYTES, into);
    const wanted = expected.get(sector) ?? 0;
    const at = into.findIndex((byte) => byte !== wanted);
    if (at >= 0) return `byte ${sector * SECTOR_BYTES + at} is ${into[at]}, not ${wanted}`;
  }
  return null;
}
