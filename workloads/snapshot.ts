/**
 * `snapshot`: the life of an internal snapshot on an image with few or many L2 tables. What a snapshot costs depends on the
 * number of L2 tables and of clusters that it walks over, so both are parameters.
 */
import { KiB, MiB } from '../engine/base/units.ts';
import { countWithFlushes, withFlushes } from './access.ts';
import { batched, inSequence } from './batches.ts';
import { WorkloadError } from './errors.ts';
import { countParameter, MAX_SIZE_BYTES, sizeParameter, sizeText } from './parameters.ts';
import type { GuestRequest } from './request.ts';
import { defineWorkload } from './workload.ts';

const NAME = 'measured';
const PHASES = ['create', 'first-writes', 'later-writes', 'apply', 'writes-after-apply', 'delete'] as const;

/** The bytes of an L2 entry, hence the entries of a table: cluster size / 8. */
const L2_ENTRY_BYTES = 8;

export const snapshot = defineWorkload({
  name: 'snapshot',
  title: 'create, write after, apply and delete an internal snapshot',
  parameters: {
    l2Tables: countParameter('L2 tables in use: 4 are few, 256 are many', 'tables', 4),
    clustersPerTable: countParameter('allocated clusters in each of them', 'clusters', 64),
    requestBytes: sizeParameter('length of a write after the snapshot', 4 * KiB),
    flushEvery: countParameter('a guest flush after every N writes; 0: a single one at the end', 'writes', 8, 0),
  },
  plan({ l2Tables, clustersPerTable, requestBytes, flushEvery }, { clusterSizeBytes }) {
    const tableBytes = requireTables(l2Tables, clustersPerTable, clusterSizeBytes);
    const length = Math.min(requestBytes, clusterSizeBytes);
    const clusters = l2Tables * clustersPerTable;
    function* writes(lengthBytes: number): Generator<GuestRequest> {
      for (let table = 0; table < l2Tables; table++) {
        for (let cluster = 0; cluster < clustersPerTable; cluster++) {
          yield { op: 'write', offset: table * tableBytes + cluster * clusterSizeBytes, length: lengthBytes };
        }
      }
    }
    const small = () => withFlushes(writes(length), flushEvery);
    return {
      diskSizeBytes: Math.max(l2Tables * tableBytes, MiB),
      phases: PHASES,
      totalRequests: 3 * countWithFlushes(clusters, flushEvery) + 4,
      describe: () =>
        `a snapshot of ${clusters} clusters under ${l2Tables} L2 tables (disk of ${sizeText(l2Tables * tableBytes)}): ${PHASES.join(', ')}`,
      prepare: () => inSequence(batched(withFlushes(writes(clusterSizeBytes), 0)), batched([{ op: 'reopen' }])),
      requests: () => batched(snapshotLife(small)),
    };
  },
});

function* snapshotLife(writes: () => Iterable<GuestRequest>): Generator<GuestRequest> {
  yield { op: 'mark', text: 'create' };
  yield { op: 'snapshot-create', name: NAME };
  // The first write of a cluster copies it and, once a table, the L2 table; the later one finds both its own again.
  for (const text of ['first-writes', 'later-writes']) {
    yield { op: 'mark', text };
    yield* writes();
  }
  yield { op: 'mark', text: 'apply' };
  yield { op: 'snapshot-apply', name: NAME };
  yield { op: 'mark', text: 'writes-after-apply' };
  yield* writes();
  yield { op: 'mark', text: 'delete' };
  yield { op: 'snapshot-delete', name: NAME };
  yield { op: 'flush' };
}

/** Bytes of the disk that one L2 table maps. Throws {@link WorkloadError} if a table or a disk cannot be that large. */
function requireTables(l2Tables: number, clustersPerTable: number, clusterSizeBytes: number): number {
  const entries = clusterSizeBytes / L2_ENTRY_BYTES;
  const clusters = `with clusters of ${sizeText(clusterSizeBytes)}`;
  if (clustersPerTable > entries) {
    const problem = `--clusters-per-table ${clustersPerTable} is above the ${entries} of a table`;
    throw new WorkloadError(`workload snapshot: ${problem} ${clusters}`);
  }
  if (l2Tables * entries * clusterSizeBytes > MAX_SIZE_BYTES) {
    throw new WorkloadError(
      `workload snapshot: --l2-tables ${l2Tables} make a disk above ${sizeText(MAX_SIZE_BYTES)} ${clusters}`,
    );
  }
  return entries * clusterSizeBytes;
}
