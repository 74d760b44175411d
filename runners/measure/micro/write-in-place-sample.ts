/**
 * One sample, in a process of its own: argv is how many L2 slices the cache holds, stdout gets the nanoseconds that a write of 4 KiB in
 * place takes, the median of many batches. The disk lies in memory, so what is measured is the engine.
 */
import { createImage, KiB, MemoryFile, openImage } from '../../../engine/index.ts';
import { median } from '../../../results/statistics.ts';

const BLOCK_BYTES = 4 * KiB;
const SLICE_BYTES = 512;
/** What one slice maps: as many clusters as it has entries of 8 bytes. */
const SLICE_SPAN_BYTES = (SLICE_BYTES / 8) * BLOCK_BYTES;
const WRITES_PER_BATCH = 500;
const BATCHES = 40;
const WARM_UP_BATCHES = 60;

const slices = Number(process.argv[2]);
const file = new MemoryFile('disk');
createImage(file, { sizeBytes: slices * SLICE_SPAN_BYTES, clusterSizeBytes: BLOCK_BYTES });
const image = openImage(file, { l2CacheTables: slices, l2CacheEntryBytes: SLICE_BYTES });
const block = new Uint8Array(BLOCK_BYTES);
// Fills the cache with dirty slices. The first is looked up without passing the others: history's scan is another benchmark.
for (let slice = slices - 1; slice >= 0; slice--) image.write(slice * SLICE_SPAN_BYTES, block);

const nanoseconds: number[] = [];
for (let batch = 0; batch < WARM_UP_BATCHES + BATCHES; batch++) {
  const start = process.hrtime.bigint();
  for (let n = 0; n < WRITES_PER_BATCH; n++) image.write(0, block);
  const spent = Number(process.hrtime.bigint() - start) / WRITES_PER_BATCH;
  if (batch >= WARM_UP_BATCHES) nanoseconds.push(spent);
}
console.log(JSON.stringify({ nanoseconds: median(nanoseconds) }));
