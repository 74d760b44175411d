/** The last writes of an image that was open for writing; its files are the caller's to close. */
import { Qcow2Error } from '../base/errors.ts';
import type { Allocator } from '../cache/allocator.ts';
import type { CachePolicy } from '../cache/policy.ts';
import type { DurableFile } from '../io/durability.ts';
import type { FeatureBits } from './feature-bits.ts';
import { settleUnpublished } from './unpublished.ts';
import type { ImageVars } from './vars.ts';

export interface ClosingParts {
  readonly file: DurableFile;
  readonly allocator: Allocator;
  readonly policy: CachePolicy;
  readonly features: FeatureBits;
  readonly bitmaps: { store(): void };
  readonly vars: ImageVars;
}

/** Writes out what the policy still holds, and then says that nothing is missing. Bitmaps that cannot be stored stay marked in use. */
export function writeOutForClose(parts: ClosingParts): void {
  try {
    parts.bitmaps.store();
  } finally {
    writeOutTables(parts);
  }
}

function writeOutTables({ allocator, features, file, policy, vars }: ClosingParts): void {
  try {
    settleUnpublished({ vars, policy, allocator });
    allocator.close();
    policy.close();
  } catch (error) {
    closeAgain(policy);
    throw error;
  }
  if (!features.dirty) return;
  file.sync('close');
  features.clearDirty();
}

/** Nobody else can any more, and of a snapshot operation one half may be in the file. */
function closeAgain(policy: CachePolicy): void {
  try {
    policy.close();
  } catch (error) {
    if (!(error instanceof Qcow2Error)) throw error;
  }
}
