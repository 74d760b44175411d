/**
 * New tables whose pointer could not be written: memory is back at the old pointer, but the file may name the new table, so that its
 * clusters stay counted until the old pointer is in the file again. Retried before the next such table is made and when the image is
 * closed, so that retries on a full disk leak nothing.
 */
import type { Allocator } from '../cache/allocator.ts';
import { Pointer } from '../cache/ordering.ts';
import type { CachePolicy } from '../cache/policy.ts';
import { HEADER_FIELDS } from '../format/header-fields.ts';
import { giveBackOnce } from './give-back.ts';
import { l1Fields } from './l1-table.ts';
import type { ImageVars } from './vars.ts';

export interface UnpublishedParts {
  readonly vars: ImageVars;
  readonly policy: CachePolicy;
  readonly allocator: Allocator;
}

/** @throws Qcow2Error where the old pointer still cannot be written; nothing more is taken then. */
export function settleUnpublished({ vars, policy, allocator }: UnpublishedParts): void {
  for (const { range, namedBy } of vars.unpublished) {
    if (namedBy === 'nothing') {
      giveBackOnce(allocator, range);
    } else {
      const pointer = oldPointer(vars, namedBy);
      policy.publishNow(pointer);
      allocator.release([range], [pointer]);
    }
    vars.unpublished = vars.unpublished.slice(1);
  }
}

function oldPointer({ l1 }: ImageVars, sector: number | 'header'): Pointer {
  // An L1 table that was replaced meanwhile names nothing any more; the header then names the one in use.
  if (sector === 'header' || sector < l1.offset || sector >= l1.offset + l1.reservedBytes)
    return new Pointer('header', HEADER_FIELDS.l1Size, l1Fields(l1));
  const from = sector - l1.offset;
  return new Pointer('l1', sector, l1.bytes.subarray(from, from + 512));
}
