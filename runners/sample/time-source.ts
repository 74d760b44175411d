/** The clock of a replay: that of the machine, or the virtual one of a modelled device. */
import { type DeviceModelFile, nowNs } from '../../engine/index.ts';

export interface TimeSource {
  /** Nanoseconds since some moment; may be taken off its object. */
  readonly nowNs: () => number;
  /** Returns once `nowNs` reads at least `atNs`. */
  readonly waitUntil: (atNs: number) => void;
}

/** Sleeping wakes up late by about this much; the rest is waited for by looking at the clock. */
const WAKE_UP_NS = 300_000;
/** Longest sleep in one piece: a worker whose runner is gone must notice. */
const LONGEST_SLEEP_NS = 200e6;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

export const REAL_TIME: TimeSource = {
  nowNs,
  waitUntil(atNs) {
    const parent = process.ppid;
    for (let leftNs = atNs - nowNs(); leftNs > 0; leftNs = atNs - nowNs()) {
      if (process.ppid !== parent) throw new Error('the runner is gone');
      const sleepNs = Math.min(leftNs - WAKE_UP_NS, LONGEST_SLEEP_NS);
      if (sleepNs > 0) Atomics.wait(sleeper, 0, 0, sleepNs / 1e6);
    }
  },
};

/** The time that operations on `file` take, and what was waited in between; nothing else takes any. */
export function virtualTime(file: Pick<DeviceModelFile, 'elapsedNs'>): TimeSource {
  let idleNs = 0;
  const now = () => file.elapsedNs() + idleNs;
  return {
    nowNs: now,
    waitUntil(atNs) {
      idleNs += Math.max(0, atNs - now());
    },
  };
}
