/**
 * A found input as a file: everything needed to see the defect again, whatever has become of the fuzzer's images since. Next to it
 * lies the damaged image itself, for other tools.
 */
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { z } from 'zod';
import { UsageError } from '../../console/errors.ts';
import { textOfFile } from '../../console/text-of-file.ts';
import type { Damage } from './damage.ts';
import type { FuzzImage } from './fuzz-plan.ts';
import { PROPERTIES } from './properties.ts';
import type { Found } from './worker-messages.ts';

const FORMAT = 'cowbench-fuzz-1';
const BASE_BYTES_MAX = 256 * 1024 ** 2;
/** A larger damaged image is not written out: its size is a claim, its content is in the reproducer. */
const IMAGE_BYTES_MAX = 64 * 1024 ** 2;
/** A larger file is none of ours: the base is deflated, and damage is a few patches. */
const REPRODUCER_BYTES_MAX = 512 * 1024 ** 2;

const count = z.int().min(0);
const schema = z.strictObject({
  format: z.literal(FORMAT),
  property: z.enum(PROPERTIES),
  step: z.string(),
  message: z.string(),
  base: z.strictObject({ name: z.string(), clusterBytes: count, deflated: z.base64() }),
  seed: count,
  sizeBytes: count,
  patches: z.array(z.strictObject({ name: z.string(), offset: count, bytes: z.hex() })),
});

/** Writes the reproducer of `found` into `directory` and returns its path. */
export function saveReproducer(directory: string, name: string, image: FuzzImage, found: Found): string {
  fs.mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `${name}.json`);
  const { base, baseName, clusterBytes, damage, seed } = image;
  const content: z.infer<typeof schema> = {
    format: FORMAT,
    property: found.property,
    step: found.step,
    message: found.message,
    base: { name: baseName, clusterBytes, deflated: zlib.deflateRawSync(base).toString('base64') },
    seed,
    sizeBytes: damage.sizeBytes,
    patches: damage.patches.map(({ bytes, ...patch }) => ({ ...patch, bytes: Buffer.from(bytes).toString('hex') })),
  };
  fs.writeFileSync(file, `${JSON.stringify(content, null, 1)}\n`);
  if (damage.sizeBytes <= IMAGE_BYTES_MAX)
    fs.writeFileSync(path.join(directory, `${name}.qcow2`), damagedBytes(base, damage));
  return file;
}

/** @throws UsageError for a file that is no reproducer. */
export function loadReproducer(file: string): FuzzImage {
  let content: z.infer<typeof schema>;
  let base: Uint8Array;
  try {
    content = schema.parse(JSON.parse(textOfFile(file, REPRODUCER_BYTES_MAX)));
    base = zlib.inflateRawSync(Buffer.from(content.base.deflated, 'base64'), { maxOutputLength: BASE_BYTES_MAX });
  } catch (error) {
    const why =
      error instanceof z.ZodError
        ? `${error.issues[0]?.path.join('.')}: ${error.issues[0]?.message}`
        : (error as Error).message;
    throw new UsageError(`${file} is no reproducer of this fuzzer: ${why.replaceAll(/\s+/g, ' ')}`);
  }
  const patches = content.patches.map(({ bytes, ...patch }) => ({
    ...patch,
    bytes: Uint8Array.from(Buffer.from(bytes, 'hex')),
  }));
  return {
    baseName: content.base.name,
    base: Uint8Array.from(base),
    clusterBytes: content.base.clusterBytes,
    damage: { patches, sizeBytes: content.sizeBytes },
    seed: content.seed,
  };
}

/** The image's content after the damage. */
export function damagedBytes(base: Uint8Array, { patches, sizeBytes }: Damage): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  bytes.set(base.subarray(0, sizeBytes));
  for (const patch of patches) {
    if (patch.offset < sizeBytes) bytes.set(patch.bytes.subarray(0, sizeBytes - patch.offset), patch.offset);
  }
  return bytes;
}
