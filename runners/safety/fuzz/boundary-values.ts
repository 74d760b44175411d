/** The values worth trying in a field: limits of its width, limits of the format, and places in the image that are not its own. */
import type { ImageField, LaidOutImage } from './image-fields.ts';

const COPIED = 2n ** 63n;
const COMPRESSED = 2n ** 62n;
const POINTERS_TRIED = 6;

/** As many values for every field of one image; higher bits than the field has are ignored. */
export function boundaryValues(target: LaidOutImage, field: ImageField): bigint[] {
  const { bytes, layout } = target;
  const bits = BigInt(field.widthBytes * 8);
  const present = presentValue(bytes, field);
  const cluster = BigInt(layout.clusterBytes);
  const end = BigInt(Math.ceil(bytes.length / layout.clusterBytes)) * cluster;
  return [
    ...[0n, 1n, 2n, 7n, 9n, 21n, 22n, 64n, 1024n, 65_535n, 65_537n, 2n ** 31n - 1n],
    ...[2n ** bits - 1n, 2n ** bits - 2n, 2n ** (bits - 1n), 2n ** (bits - 1n) - 1n],
    ...[2n ** 53n - 1n, 2n ** 53n, COPIED + 2n ** 55n, COPIED + 2n ** 40n, COMPRESSED + 2n ** 54n],
    ...[present + 1n, present - 1n, present + 512n, present + cluster, present * 2n, ~present],
    ...[present ^ COPIED, present ^ COMPRESSED, present | 0x1ffn, present | 1n, COPIED],
    ...[end, COPIED + end, COPIED + end - cluster, COPIED + end + 1000n * cluster],
    ...Array.from(
      { length: POINTERS_TRIED },
      (_, index) => COPIED + BigInt(structureNear(layout.structures, index, field)),
    ),
  ];
}

function presentValue(bytes: Uint8Array, field: ImageField): bigint {
  let value = 0n;
  for (const byte of bytes.subarray(field.offset, field.offset + field.widthBytes)) value = value * 256n + BigInt(byte);
  return value;
}

/** The first structures are the header and the tables; which of the rest are tried depends on the field. */
function structureNear(structures: readonly number[], index: number, field: ImageField): number {
  return structures[index < POINTERS_TRIED / 2 ? index : (index + field.offset) % structures.length]!;
}
