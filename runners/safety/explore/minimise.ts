/** Makes a counter-example as simple as it gets: as few writes as possible missing, or as few as possible persisted. */

import { StateJudge } from '../judge/state-judge.ts';
import type { Finding, FindingClass } from '../judge/state-verdict.ts';
import { type CrashPoint, CrashTimeline } from '../states/crash-points.ts';
import type { StateVector } from '../states/enumeration.ts';
import { PlacedState } from '../states/placed-state.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import type { CounterExample } from './explore-point.ts';

export interface MinimalExample extends Finding {
  readonly kind: FindingClass;
  /** What was undecided when the power failed. */
  readonly point: CrashPoint;
  readonly vector: StateVector;
}

/** The same violation in a simpler state of the same point. Throws when the example cannot be repeated: a defect. */
export function minimise(recording: CrashRecording, example: CounterExample): MinimalExample {
  const timeline = new CrashTimeline(recording);
  for (const point of timeline.points()) {
    if (point.index === example.pointIndex) return minimiseAt(timeline, point, example);
  }
  throw new Error(`counterexample at crash point ${example.pointIndex}: the recording has no such point`);
}

function minimiseAt(timeline: CrashTimeline, point: CrashPoint, example: CounterExample): MinimalExample {
  // Each try of a repair is an exploration of its own; the state that was found is described as it is.
  if (example.kind === 'repair') return { ...example, point, vector: Uint16Array.from(example.vector) };
  const placed = new PlacedState(timeline, point);
  const judge = new StateJudge(timeline.file, timeline.recording.values, point);
  const find = (vector: StateVector): Finding | undefined => {
    placed.put(vector);
    const sizes = placed.sizes();
    // It may show only where the file has a length between those two.
    const isPossible = sizes.at(-2)! <= example.sizeBytes && example.sizeBytes <= sizes.at(-1)!;
    for (const sizeBytes of isPossible ? [...sizes, example.sizeBytes] : sizes) {
      placed.setSize(sizeBytes);
      const finding = judge.judge().findings[example.kind];
      if (finding !== undefined) return finding;
    }
    return undefined;
  };
  const vector = Uint16Array.from(example.vector);
  const fewMissing = driftTo(vector, (atom) => point.atoms[atom]!.choices.length - 1, find);
  const fewPersisted = driftTo(vector, () => 0, find);
  const missing = countWhere(fewMissing, (choice, atom) => choice < point.atoms[atom]!.choices.length - 1);
  const persisted = countWhere(fewPersisted, (choice) => choice > 0);
  const simplest = missing <= persisted ? fewMissing : fewPersisted;
  const finding = find(simplest);
  if (finding === undefined) throw new Error(`counterexample at crash point ${point.index} cannot be repeated`);
  placed.takeBack();
  return { kind: example.kind, ...finding, point, vector: simplest };
}

/** Moves one atom after the other to its `goal` for as long as the violation stays. */
function driftTo(
  start: StateVector,
  goal: (atom: number) => number,
  find: (vector: StateVector) => Finding | undefined,
): StateVector {
  const vector = start.slice();
  for (let atom = 0; atom < vector.length; atom++) {
    const before = vector[atom]!;
    vector[atom] = goal(atom);
    if (vector[atom] !== before && find(vector) === undefined) vector[atom] = before;
  }
  return vector;
}

function countWhere(vector: StateVector, holds: (choice: number, atom: number) => boolean): number {
  return vector.reduce((count, choice, atom) => count + (holds(choice, atom) ? 1 : 0), 0);
}
