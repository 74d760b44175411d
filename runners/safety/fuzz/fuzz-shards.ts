/** Shards of a fuzzing run: each is a stretch of the image numbers, so that a shard can be repeated with `--from` and `--images`. */
import { z } from 'zod';
import type { Shard } from '../../shards/shard.ts';
import { PROPERTIES } from './properties.ts';

const count = z.int().nonnegative();
const words = z.string().max(65_536);

export const FuzzShardPlan = z.strictObject({
  images: count,
  /** Number of the first image. */
  from: count,
  seed: count,
  /** Names of the images that are damaged: those made by QEMU are there only where it is installed. */
  bases: z.array(words.max(200)).max(10_000),
});
export type FuzzShardPlan = z.infer<typeof FuzzShardPlan>;

export const FuzzPart = z.object({
  done: count,
  outcomes: z.strictObject({ refused: count, readable: count, writable: count }),
  peakMemoryBytes: count,
  missedFields: z.array(words.max(200)).max(100_000),
  defects: z
    .array(
      z.object({
        property: z.enum(PROPERTIES),
        step: words,
        message: words,
        stack: words,
        images: count,
        firstIndex: count,
        baseName: words,
        reproducer: words.nullable(),
      }),
    )
    .max(10_000),
});

export interface ImageRange {
  readonly from: number;
  readonly images: number;
}

/** The numbers that a shard does; of fewer images than shards, some do none. */
export function rangeOf({ from, images }: ImageRange, { index, count: shards }: Shard): ImageRange {
  const [start, end] = [index - 1, index].map((place) => from + Math.floor((images * place) / shards)) as [
    number,
    number,
  ];
  return { from: start, images: end - start };
}

export function partName({ from, images }: ImageRange): string {
  return `${images} images from number ${from}`;
}
