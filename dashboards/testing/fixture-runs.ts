/** FIXTURE, not measurements: runs over made-up commits, with a change of counts and a change of the level of times among them. */
import type { RunRecord } from '../../results/record.ts';
import { seededRandom } from '../../results/statistics-random.ts';
import type { CommitFacts } from '../reading/commit-facts.ts';
import { fixtureRecord } from './fixture-record.ts';

export const COMMITS = 24;
/** From this commit on writeback needs more syncs. */
export const WORSE_AT = 15;
/** From this commit on legacy is faster. */
export const FASTER_AT = 11;

function hashOf(commit: number): string {
  return (0xabc_1000 + commit * 0x1_2345).toString(16).padStart(7, '0').padEnd(40, '0');
}

function runAt(commit: number, place: 'one' | 'two', workload: string): RunRecord {
  const random = seededRandom(commit * 7 + place.length + workload.length * 31).next;
  return fixtureRecord((record) => {
    const day = String(commit + 1).padStart(2, '0');
    record.runId = `fixture-${place}-${workload}-${day}`;
    record.startedAt = `2024-03-${day}T10:00:00.000Z`;
    record.source.commit = hashOf(commit);
    record.environment.machine = place;
    record.environment.cpu = `Fixture CPU ${place}`;
    record.workload.name = workload;
    record.cells.forEach((cell, index) => {
      if (cell.exact !== null && index === 2 && commit >= WORSE_AT) cell.exact.fsyncs += 12;
      const level = (index === 0 && commit >= FASTER_AT ? 0.7 : 1) * (1 + (random() - 0.5) * 0.04);
      for (const round of cell.rounds) round.wallNs = Math.round(round.wallNs * level);
    });
  });
}

/** Two machines, two workloads, a run of each at every commit (the second workload on the first machine only). */
export function fixtureRuns(): RunRecord[] {
  const commits = Array.from({ length: COMMITS }, (_, commit) => commit);
  return commits.flatMap((commit) => [
    runAt(commit, 'one', 'made-up-install'),
    runAt(commit, 'two', 'made-up-install'),
    runAt(commit, 'one', 'made-up-savevm'),
  ]);
}

/** What git would say of them. */
export function fixtureCommits(subject = 'image: fixture change'): Map<string, CommitFacts> {
  return new Map(
    Array.from({ length: COMMITS }, (_, commit) => [
      hashOf(commit),
      {
        subject: `${subject} ${commit}`,
        date: `2024-03-${String(commit + 1).padStart(2, '0')}T09:00:00.000Z`,
        author: 'A. Uthor',
      },
    ]),
  );
}
