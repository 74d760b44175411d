/** FIXTURE, not a measurement: the policies of the fixture next to a raw file that took the same requests. */

import { rawMultiples } from '../../results/raw-multiples.ts';
import type { RunRecord } from '../../results/record.ts';
import { fixtureRecord } from './fixture-record.ts';

export function rawRecord(): RunRecord {
  return fixtureRecord((draft) => {
    const raw = structuredClone(draft.cells.at(-1)!);
    raw.id = 'raw:sparse';
    raw.engine = 'raw';
    raw.policy = { name: 'raw:sparse', stage: null, parameters: {} };
    raw.hostCacheMode = 'writeback';
    raw.crash = null;
    const { clusterSizeBytes } = raw.image;
    raw.image = {
      version: null,
      clusterSizeBytes,
      refcountBits: 0,
      l2CacheTables: 0,
      refcountCacheTables: 0,
      options: {},
    };
    if (raw.exact !== null) Object.assign(raw.exact, { fsyncs: 20, odsyncWrites: 0, tableCaches: null });
    draft.cells.push(raw);
    for (const cell of draft.cells) {
      const multiples = rawMultiples(cell, draft.cells, { ending: 'fixed' });
      if (multiples !== null) cell.rawMultiples = multiples;
    }
  });
}
