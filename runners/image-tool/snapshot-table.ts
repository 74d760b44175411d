/** Internal snapshots as a table for people and as JSON with the keys that users of qemu-img know. */
import type { SnapshotInfo } from '../../engine/index.ts';
import { printable } from './printable.ts';
import { readableSize } from './sizes.ts';

/** Header and one line each; nothing for no snapshots. */
export function snapshotLines(snapshots: readonly SnapshotInfo[]): string[] {
  if (snapshots.length === 0) return [];
  const row = (id: string, name: string, size: string, date: string, clock: string, icount: string) =>
    `${id.padEnd(9)} ${name.padEnd(16)} ${size.padStart(8)}${date.padStart(20)}${clock.padStart(13)}${icount.padStart(11)}`;
  return [
    row('ID', 'TAG', 'VM SIZE', 'DATE', 'VM CLOCK', 'ICOUNT'),
    ...snapshots.map((snapshot) =>
      row(
        printable(snapshot.id),
        printable(snapshot.name),
        readableSize(snapshot.vmStateBytes),
        localDate(snapshot.dateSeconds),
        clock(snapshot.vmClockNs),
        String(snapshot.icount ?? ''),
      ),
    ),
  ];
}

export function snapshotJson(snapshot: SnapshotInfo): Record<string, unknown> {
  return {
    id: snapshot.id,
    name: snapshot.name,
    'vm-state-size': snapshot.vmStateBytes,
    'date-sec': snapshot.dateSeconds,
    'date-nsec': snapshot.dateNanoseconds,
    'vm-clock-sec': Number(snapshot.vmClockNs / 1_000_000_000n),
    'vm-clock-nsec': Number(snapshot.vmClockNs % 1_000_000_000n),
    ...(snapshot.icount === null ? {} : { icount: Number(snapshot.icount) }),
  };
}

function localDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

function clock(nanoseconds: bigint): string {
  const ms = Number(nanoseconds / 1_000_000n);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const time = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60].map(two).join(':');
  return `${time}.${String(ms % 1000).padStart(3, '0')}`;
}
