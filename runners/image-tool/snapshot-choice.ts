/** Which snapshot `-l` of `convert` means: a name or id, or `snapshot.id=ID,snapshot.name=NAME`. */
import type { SnapshotInfo } from '../../engine/index.ts';
import { UsageError } from '../errors.ts';
import { printable } from './printable.ts';

/** The id of the snapshot. Throws UsageError when there is none. */
export function chosenSnapshot(snapshots: readonly SnapshotInfo[], text: string): string {
  const wanted = text.startsWith('snapshot.') ? keys(text) : null;
  const found =
    wanted === null
      ? (snapshots.find(({ id }) => id === text) ?? snapshots.find(({ name }) => name === text))
      : snapshots.find(({ id, name }) => (wanted.id ?? id) === id && (wanted.name ?? name) === name);
  if (found !== undefined) return found.id;
  const names = snapshots.slice(0, 10).map(({ name }) => `"${printable(name)}"`);
  const list = names.length === 0 ? 'the image has none' : `there are ${names.join(', ')}`;
  throw new UsageError(`there is no snapshot "${printable(text)}"; ${list}`);
}

function keys(text: string): { id?: string; name?: string } {
  const found: Record<string, string> = {};
  for (const part of text.split(',')) {
    const [, key, value] = /^snapshot\.(id|name)=(.*)$/.exec(part) ?? [];
    if (key === undefined)
      throw new UsageError(`-l "${printable(text)}": expected snapshot.id=ID or snapshot.name=NAME`);
    found[key] = value!;
  }
  return found;
}
