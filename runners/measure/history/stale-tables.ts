/**
 * What the programs of each stage lost without any power cut: a table that was freed while it was dirty stayed in the cache, and was
 * written out later, over whatever its cluster held by then. Shown by deleting a snapshot and then writing, in memory.
 */
import type { HistoryRun } from '../../../dashboards/index.ts';
import {
  type Behaviour,
  behaviourInHistory,
  createImage,
  findPolicy,
  KiB,
  MemoryFile,
  MiB,
  openImage,
  policyOfStage,
  STAGE_IDS,
  STAGES,
  type StageId,
} from '../../../engine/index.ts';

const CLUSTER_BYTES = 64 * KiB;
const DISK_BYTES = 8 * MiB;
/** Enough to take every cluster that the deleted snapshot gave up. */
const NEW_CLUSTERS = 8;

export function staleTableLosses(): NonNullable<HistoryRun['staleTables']> {
  return STAGE_IDS.map((stage) => ({
    stage,
    lostBytes: lostBytes(stage, behaviourInHistory(STAGES[stage])),
    lostBytesWithoutDefect: lostBytes(stage, STAGES[stage].behaviour),
  }));
}

/** Bytes of the guest that read wrong after a snapshot was deleted, new data written and the image closed, all without an error. */
function lostBytes(stage: StageId, behaviour: Behaviour): number {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: DISK_BYTES, clusterSizeBytes: CLUSTER_BYTES, version: 2 });
  const { preset } = findPolicy(policyOfStage(stage, 'writeback'), stage);
  const image = openImage(file, { policy: preset.create, behaviour, overlapCheck: 'none' });
  const expected = new Uint8Array(DISK_BYTES);
  const write = (cluster: number, value: number) => {
    const bytes = new Uint8Array(CLUSTER_BYTES).fill(value);
    expected.set(bytes, cluster * CLUSTER_BYTES);
    image.write(cluster * CLUSTER_BYTES, bytes);
  };
  write(0, 1);
  write(1, 2);
  image.createSnapshot({ name: 'before', dateSeconds: 0 });
  // The snapshot keeps the old L2 table for itself; the disk gets a copy.
  write(0, 3);
  image.deleteSnapshot('before');
  for (let cluster = 2; cluster < 2 + NEW_CLUSTERS; cluster++) write(cluster, 10 + cluster);
  image.close();
  const found = new Uint8Array(DISK_BYTES);
  openImage(file).read(0, found);
  return found.reduce((lost, byte, index) => lost + (byte === expected[index] ? 0 : 1), 0);
}
