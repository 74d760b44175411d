/** Which test files take longest: those known to do so are started first, and a run names its own. */
import path from 'node:path';
import { PROJECT_ROOT } from '../console/project-root.ts';

/** As a whole run last named them. Begun at its end, one of them would run while the other cores idle. */
export const STARTED_FIRST = [
  'runners/safety/fuzz/fuzz.test.ts',
  'engine/image/feature-matrix.test.ts',
  'runners/package/package.test.ts',
  'runners/safety/mutants/mutant-noise.test.ts',
  'runners/safety/explore/short-exploration.test.ts',
  'runners/safety/faults/fault-sweep.test.ts',
  'runners/documents.test.ts',
  'runners/safety/mutants/mutants.test.ts',
];
const NAMED = 12;
/** Shorter runs have nothing that is worth making faster. */
const WORTH_A_LOOK_MS = 60_000;

/** `files` as they are started. */
export function inOrder(files: readonly string[]): string[] {
  const place = (file: string) => (STARTED_FIRST.includes(file) ? STARTED_FIRST.indexOf(file) : STARTED_FIRST.length);
  return [...files].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

/** `files`: path → milliseconds. Empty when they took less than a minute together. */
export function slowLines(files: ReadonlyMap<string, number>): string[] {
  const total = [...files.values()].reduce((sum, ms) => sum + ms, 0);
  if (total < WORTH_A_LOOK_MS) return [];
  const longest = [...files].sort(([, a], [, b]) => b - a).slice(0, NAMED);
  return [
    ...['', `${files.size} test files took ${seconds(total)} together; the longest:`],
    ...longest.map(([file, ms]) => `  ${seconds(ms).padStart(7)}  ${path.relative(PROJECT_ROOT, file)}`),
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
