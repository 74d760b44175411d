/** Refcounts of another width (qcow2.rst, "Header", refcount_order): recounted and written next to the old ones. */
import { corrupt, Qcow2Error } from '../base/errors.ts';
import type { BlockFile } from '../io/block-file.ts';
import { examineImage } from './check-image.ts';
import { rebuildRefcounts } from './rebuild-refcounts.ts';
import { widestRefcount } from './refcount-writing.ts';
import { hasErrors } from './report.ts';

/**
 * Stores the refcounts of a version 3 image in `bits` bits, a power of two up to 64; durable on return, and whole whenever it is
 * interrupted. Leaked clusters are given back with it.
 * @throws Qcow2Error CORRUPT for an image with errors, UNSUPPORTED where a count does not fit; the image is unchanged then.
 */
export function changeRefcountWidth(file: BlockFile, bits: number): void {
  const examined = examineImage(file);
  const { report, examination: x } = examined;
  if (hasErrors(report) || !x.everythingWasFollowed)
    throw corrupt(file.name, 'the image has errors; repair it before its refcounts are changed');
  const order = Math.log2(bits);
  const widest = widestRefcount(order);
  const cluster = x.references.counts.findIndex((count) => count > widest);
  if (cluster >= 0) {
    const offset = cluster * x.shape.clusterBytes;
    const found = x.references.counts[cluster]!;
    const message = `${file.name}: refcount ${found} of the cluster at offset ${offset} does not fit ${bits} bits`;
    throw new Qcow2Error('UNSUPPORTED', message, { file: file.name, offset, found });
  }
  rebuildRefcounts(examined, true, order);
}
