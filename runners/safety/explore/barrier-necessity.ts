/**
 * Which barriers carry weight: each is left out of a recording in turn, and what is left is explored again. A barrier that two
 * neighbours cover for is not needed *on its own*; both may still be needed together.
 */
import type { RecordedEvent } from '../../../engine/index.ts';
import { FINDING_CLASSES, type FindingClass, isViolation } from '../judge/state-verdict.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import { type ExploreOptions, exploreRecording } from './explore.ts';

export interface BarrierNecessity {
  /** Syncs, and writes that are durable by themselves. */
  barriers: number;
  /** Those without which a class of violation appears that the recording does not have with them. */
  loadBearing: number;
  /** Guest requests that write. */
  guestWrites: number;
}

export function barrierNecessity(recording: CrashRecording, options: ExploreOptions): BarrierNecessity {
  const { workload, events } = recording;
  const own = violatedClasses(recording, options);
  const barriers = events.filter(isBarrier);
  const loadBearing = barriers.filter((barrier) => {
    const without = { ...recording, events: withoutBarrier(events, barrier) };
    return [...violatedClasses(without, options)].some((kind) => !own.has(kind));
  });
  const guestWrites = workload.during.filter(({ op }) => op.startsWith('write')).length;
  return { barriers: barriers.length, loadBearing: loadBearing.length, guestWrites };
}

function isBarrier(event: RecordedEvent): boolean {
  return event.op === 'sync' ? !event.failed : event.op === 'write' && event.durable;
}

/** A sync goes; a durable write becomes one that waits for the next barrier. */
function withoutBarrier(events: readonly RecordedEvent[], barrier: RecordedEvent): RecordedEvent[] {
  return events.flatMap((event) => {
    if (event !== barrier) return [event];
    return event.op === 'write' ? [{ ...event, durable: false }] : [];
  });
}

function violatedClasses(recording: CrashRecording, options: ExploreOptions): Set<FindingClass> {
  const { findings } = exploreRecording(recording, options);
  return new Set(FINDING_CLASSES.filter((kind) => isViolation(kind) && findings[kind] > 0));
}
