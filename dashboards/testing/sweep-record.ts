/** FIXTURE, not a measurement: three policies on images of several cluster sizes, made from the fixture of one image. */
import type { RunRecord } from '../../results/record.ts';
import { fixtureRecord } from './fixture-record.ts';

/** Syncs grow as clusters shrink, and writeback overtakes legacy on the smallest, so that both directions occur. */
export function sweepRecord(clusterKiB: readonly number[] = [4, 16, 64, 256, 1024, 2048]): RunRecord {
  return fixtureRecord((draft) => {
    const { cells } = draft;
    draft.cells = clusterKiB.flatMap((kib) =>
      cells.map((cell) => {
        const copy = structuredClone(cell);
        copy.id = `${cell.policy.name}/${kib}K`;
        copy.image.clusterSizeBytes = kib * 1024;
        const growth = cell.policy.name === 'writeback' ? (64 / kib) ** 2.5 : (64 / kib) ** 0.3;
        if (copy.exact !== null) copy.exact.fsyncs = Math.ceil(copy.exact.fsyncs * growth);
        return copy;
      }),
    );
  });
}
