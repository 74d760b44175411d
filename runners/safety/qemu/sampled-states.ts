/** A sample of the states of a recording, for programs that are too slow to judge all of them. */
import { createHash } from 'node:crypto';
import { CrashTimeline } from '../states/crash-points.ts';
import { sampleStates, TriedStates } from '../states/enumeration.ts';
import { PlacedState } from '../states/placed-state.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import type { StateFile } from '../states/state-file.ts';

export interface SampledState {
  /** Valid until the next is asked for. */
  readonly state: StateFile;
  /** The request that was begun last; -1 for none. */
  readonly request: number;
}

/** Up to `most` states whose content is not in `seen`, in the order of the exploration; adds them to it. */
export function* newStates(recording: CrashRecording, most: number, seen: Set<string>): Generator<SampledState> {
  const timeline = new CrashTimeline(recording);
  const limit = seen.size + most;
  for (const point of timeline.points()) {
    const placed = new PlacedState(timeline, point);
    for (const vector of sampleStates(point, most, 1, new TriedStates(most))) {
      placed.put(vector);
      for (const sizeBytes of placed.sizes()) {
        placed.setSize(sizeBytes);
        const content = createHash('sha1').update(timeline.file.copy()).digest('hex');
        if (seen.size === limit) break;
        if (seen.has(content)) continue;
        seen.add(content);
        yield { state: timeline.file, request: point.request };
      }
    }
    placed.takeBack();
  }
}
