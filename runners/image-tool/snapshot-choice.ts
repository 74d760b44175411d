/**
 * Which snapshot a word means, by the rules of qemu-img: `-d` goes by the tag alone; `-a` and `-l` by the ID first and then by the
 * tag. Where another snapshot could have been meant, that is said.
 */
import type { SnapshotInfo } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { printable } from './printable.ts';

export type SnapshotRule = 'tag' | 'id-then-tag';

/** The ID of the snapshot that `text` means. Throws UsageError when there is none. */
export function chosenSnapshot(
  snapshots: readonly SnapshotInfo[],
  text: string,
  rule: SnapshotRule,
  warn: (line: string) => void,
): string {
  const withId = snapshots.filter(({ id }) => id === text);
  const withTag = snapshots.filter(({ name }) => name === text);
  const meant = rule === 'tag' ? withTag : [...withId, ...withTag];
  const found = meant[0];
  if (found === undefined) throw noSnapshot(snapshots, text, rule, withId[0]);
  const others = [...withId, ...withTag].filter((other) => other !== found);
  if (others.length > 0) {
    const by = rule === 'tag' ? 'the tag alone decides' : 'an ID goes before a tag';
    warn(`"${printable(text)}" is taken for ${nameOf(found)}, not for ${others.map(nameOf).join(' or ')}: ${by}`);
  }
  return uniqueId(snapshots, found);
}

/** The same for `-l` of convert, which also reads `snapshot.id=ID,snapshot.name=NAME`. */
export function snapshotToRead(snapshots: readonly SnapshotInfo[], text: string, warn: (line: string) => void): string {
  if (!text.startsWith('snapshot.')) return chosenSnapshot(snapshots, text, 'id-then-tag', warn);
  const wanted = keys(text);
  const found = snapshots.find(({ id, name }) => (wanted.id ?? id) === id && (wanted.name ?? name) === name);
  if (found === undefined) throw noSnapshot(snapshots, text, 'id-then-tag', undefined);
  return uniqueId(snapshots, found);
}

function nameOf({ id, name }: SnapshotInfo): string {
  return `the snapshot "${printable(name)}" with ID ${printable(id)}`;
}

/** The engine goes by IDs, and a damaged image may have one twice. */
function uniqueId(snapshots: readonly SnapshotInfo[], { id }: SnapshotInfo): string {
  if (snapshots.filter((other) => other.id === id).length === 1) return id;
  throw new UsageError(`more than one snapshot has the ID ${printable(id)}: which is meant cannot be said`);
}

function noSnapshot(
  snapshots: readonly SnapshotInfo[],
  text: string,
  rule: SnapshotRule,
  withId: SnapshotInfo | undefined,
): UsageError {
  const names = snapshots.slice(0, 10).map(({ name }) => `"${printable(name)}"`);
  const list = names.length === 0 ? 'the image has none' : `there are ${names.join(', ')}`;
  const hint = rule === 'tag' && withId !== undefined ? `; that is the ID of "${printable(withId.name)}"` : '';
  return new UsageError(`there is no snapshot${rule === 'tag' ? ' tagged' : ''} "${printable(text)}"${hint}; ${list}`);
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
