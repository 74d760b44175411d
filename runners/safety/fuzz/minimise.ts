/** From damage that shows a defect to less damage that shows the same: patches are left out, then cut in half, while it still does. */
import type { Damage, Patch } from './damage.ts';

/** The smallest damage found, with at most `triesMax` tries, for which `isSame` holds; it holds for `damage` itself. */
export async function minimise(
  damage: Damage,
  wholeSizeBytes: number,
  triesMax: number,
  isSame: (damage: Damage) => Promise<boolean>,
): Promise<Damage> {
  let smallest = damage;
  let tries = 0;
  const improves = async (candidate: Damage): Promise<boolean> => {
    if (tries++ >= triesMax || !(await isSame(candidate))) return false;
    smallest = candidate;
    return true;
  };
  if (smallest.sizeBytes !== wholeSizeBytes) await improves({ ...smallest, sizeBytes: wholeSizeBytes });
  for (let at = 0; at < smallest.patches.length; ) {
    const without = smallest.patches.toSpliced(at, 1);
    if (!(await improves({ ...smallest, patches: without }))) at++;
  }
  for (let at = 0; at < smallest.patches.length; ) {
    const patch = smallest.patches[at]!;
    let isSmaller = false;
    for (const half of halves(patch)) {
      isSmaller = await improves({ ...smallest, patches: smallest.patches.with(at, half) });
      if (isSmaller) break;
    }
    if (!isSmaller) at++;
  }
  return smallest;
}

function halves(patch: Patch): Patch[] {
  const middle = Math.floor(patch.bytes.length / 2);
  if (middle === 0) return [];
  const end = { ...patch, offset: patch.offset + middle, bytes: patch.bytes.slice(middle) };
  return [{ ...patch, bytes: patch.bytes.slice(0, middle) }, end];
}
