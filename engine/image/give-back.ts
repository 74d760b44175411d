/** Clusters that were taken for what then failed. */
import { Qcow2Error } from '../base/errors.ts';
import type { HostRange } from '../base/units.ts';
import type { Allocator } from '../cache/allocator.ts';
import type { ImageVars } from './vars.ts';

export interface GiveBackParts {
  readonly allocator: Allocator;
  readonly vars: ImageVars;
}

/** Nothing names them: they can be taken again. Where that fails too it is tried again later. Returns whether it was done. */
export function giveBack({ allocator, vars }: GiveBackParts, range: HostRange): boolean {
  try {
    giveBackOnce(allocator, range);
    return true;
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
    vars.unpublished = [...vars.unpublished, { range, namedBy: 'nothing' }];
    return false;
  }
}

export function giveBackOnce(allocator: Allocator, range: HostRange): void {
  if (allocator.giveBack === undefined) allocator.release([range], []);
  else allocator.giveBack(range);
}
