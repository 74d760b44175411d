/**
 * A static site from records: `index.html` (the dashboard), `latest.html` (the newest commit against the one before), and for
 * each run `runs/RUN.html` and `runs/RUN.json`. Every page is one self-contained file and needs no server.
 *
 * Records are read one at a time and only their points are kept, so memory does not grow with their pictures.
 */
import fs from 'node:fs';
import path from 'node:path';
import {
  type CommitContext,
  type ComparedSide,
  type RunSummary,
  renderComparison,
  renderDashboard,
  renderReport,
  summariseRun,
} from '../../dashboards/index.ts';
import { readRecord, writeWhole } from '../../results/store.ts';
import { knownCommits } from '../machine/commit-facts.ts';
import { orReason, recordFiles } from './stored-records.ts';

export interface SitePlan {
  /** A record or a folder of them. */
  readonly from: string;
  readonly out: string;
  readonly tell: (line: string) => void;
}

export interface SiteOutcome {
  readonly index: string;
  readonly runs: number;
  readonly unreadable: readonly string[];
}

interface StoredRun {
  readonly file: string;
  readonly summary: RunSummary;
}

/** Writes the site; what is no record is reported on the index and left out. Files of an earlier site are replaced. */
export async function buildSite({ from, out, tell }: SitePlan): Promise<SiteOutcome> {
  const known = knownCommits();
  const runs = new Map<string, StoredRun>();
  const unreadable: string[] = [];
  for (const file of recordFiles(from)) {
    const read = orReason(() => readRecord(file));
    if ('reason' in read) {
      unreadable.push(read.reason.replace(`${from}${path.sep}`, ''));
      continue;
    }
    const record = read.result;
    // The same run may lie in two folders; one page is enough.
    if (runs.has(record.runId)) continue;
    const page = path.join(out, 'runs', `${record.runId}.html`);
    writeWhole(page, await renderReport(record, known));
    fs.copyFileSync(file, path.join(out, 'runs', `${record.runId}.json`));
    runs.set(record.runId, { file, summary: summariseRun(record, known.commits) });
    tell(`report: ${page}`);
  }
  const stored = [...runs.values()];
  const latest = await latestComparison(stored, known);
  if (latest !== null) writeWhole(path.join(out, 'latest.html'), latest);
  const index = path.join(out, 'index.html');
  const pages = latest === null ? [] : [{ href: 'latest.html', title: 'The newest commit against the one before' }];
  writeWhole(index, await renderDashboard({ runs: stored.map(({ summary }) => summary), unreadable, pages, known }));
  return { index, runs: stored.length, unreadable };
}

interface CommitRuns {
  readonly name: string;
  /** Sorts commits. */
  readonly date: string;
  readonly runs: readonly StoredRun[];
}

/** Runs of each clean commit and of each set of changes on top of one, newest first. */
function byCommit(stored: readonly StoredRun[]): CommitRuns[] {
  const complete = stored.filter(({ summary }) => summary.status === 'complete' && summary.points.length > 0);
  const groups = Map.groupBy(
    complete,
    ({ summary: { commit, dirty } }) => `${commit ?? 'no commit'}${dirty ? '+' : ''}`,
  );
  return [...groups.values()]
    .map((runs): CommitRuns => {
      const { commit, dirty, subject } = runs[0]!.summary;
      const short = commit === null ? 'no commit' : commit.slice(0, 12);
      const name = `${short}${dirty ? ' with changes' : ''}${subject === '' ? '' : ` (${subject})`}`;
      const dates = runs.flatMap(({ summary }) => summary.points.map(({ date }) => date));
      return { name, date: dates.reduce((a, b) => (a > b ? a : b)), runs };
    })
    .sort((a, b) => b.date.localeCompare(a.date));
}

const MOST_EARLIER = 30;

/** The runs whose numbers make the small lines of the comparison. */
function newestOf(stored: readonly StoredRun[]): StoredRun[] {
  return stored.toSorted((a, b) => b.summary.startedAt.localeCompare(a.summary.startedAt)).slice(0, MOST_EARLIER);
}

/** The newest commit against the newest older one that measured a workload of its; null when there is none. */
async function latestComparison(stored: readonly StoredRun[], known: CommitContext): Promise<string | null> {
  const [newest, ...older] = byCommit(stored);
  if (newest === undefined) return null;
  const workloads = new Set(newest.runs.map(({ summary }) => summary.workload));
  const before = older.find(({ runs }) => runs.some(({ summary }) => workloads.has(summary.workload)));
  if (before === undefined) return null;
  const side = ({ name, runs }: CommitRuns): ComparedSide => ({
    name,
    records: runs.map(({ file }) => readRecord(file)),
  });
  return renderComparison({
    baseline: side(before),
    candidate: side(newest),
    reportOf: (runId) => `runs/${runId}.html`,
    known,
    history: newestOf(stored).map(({ file }) => readRecord(file)),
  });
}
