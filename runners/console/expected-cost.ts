/** What a long command will cost in time and disk, said before it starts. */
import { GiB, KiB, MiB } from '../../engine/index.ts';

export interface ExpectedCost {
  /** Null: nothing is known before a part of it is done. */
  readonly ms: number | null;
  /** What the time is made of, in words. */
  readonly work: string;
  /** What lies where, in words. */
  readonly disk: string;
}

/** One line; the length is that of a machine like the one that its figures were measured on. */
export function costLine({ ms, work, disk }: ExpectedCost): string {
  const time = ms === null ? work : `about ${lengthText(ms)} (${work})`;
  return `expected: ${time}; ${disk}`;
}

/** The most that lies in `place` at one time. */
export function diskWords(bytes: number, place: string): string {
  return `up to ${spaceText(bytes)} in ${place}`;
}

/** Milliseconds of the clock for `count` like parts, each of `msEach` on one core. */
export function sharedMs(count: number, msEach: number, threads: number): number {
  return (count * msEach) / Math.max(1, Math.min(threads, count));
}

/** `850 ms`, `90 s`, `12 min`, `3 h 5 min`, `19 days 4 h`. */
export function lengthText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
  return `${Math.floor(hours / 24)} days${hours % 24 === 0 ? '' : ` ${hours % 24} h`}`;
}

/** `12 KiB`, `30 MiB`, `1.5 GiB`. */
export function spaceText(bytes: number): string {
  if (bytes >= GiB) return `${(bytes / GiB).toFixed(1)} GiB`;
  return bytes >= MiB ? `${Math.ceil(bytes / MiB)} MiB` : `${Math.ceil(bytes / KiB)} KiB`;
}
