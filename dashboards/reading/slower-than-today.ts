/** Where a policy that is to cost less than the driver of today costs more: no run may leave that out. */
import type { Cell } from '../../results/record.ts';
import type { Storages } from './storages.ts';

/** The rules of a driver of today, and the policies that are made to cost less on every workload. */
const TODAY = 'modern';
const MADE_TO_COST_LESS: readonly string[] = ['ordered', 'reserve'];

export interface SlowerThanToday {
  readonly label: string;
  /** Labels of `modern`, of which there are several when it runs in several ways. */
  readonly than: string;
  /** The storages on which its time is longer beyond noise, in words. */
  readonly places: readonly string[];
}

/** Every such policy of a run on one image; empty where none is slower, or where `modern` was not measured. */
export function slowerThanToday({ storages, cells, against }: Storages): SlowerThanToday[] {
  const named = (wanted: (name: string) => boolean) =>
    cells.filter(({ cell }) => isOurs(cell) && wanted(cell.policy.name));
  return named((name) => MADE_TO_COST_LESS.includes(name)).flatMap(({ label, cell }) =>
    named((name) => name === TODAY).flatMap(({ label: than, cell: today }) => {
      if (cell.hostCacheMode !== today.hostCacheMode) return [];
      const slower = storages.filter((storage) => {
        const timed = storage.times.map((time) => time.label);
        return timed.includes(label) && timed.includes(than) && against(storage, than, label).verdict === 'slower';
      });
      return slower.length === 0 ? [] : [{ label, than, places: slower.map(({ place }) => place) }];
    }),
  );
}

function isOurs({ engine }: Cell): boolean {
  return engine === 'cowbench';
}
