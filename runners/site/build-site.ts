/**
 * A static site from records: `index.html` (the dashboard), `fleet.html` (machines and storages), `latest.html` (the newest commit against
 * the one before), `runs-N.html` (lists of all runs, where there are many), and for each run `runs/RUN.html` and `runs/RUN.json`. Every page
 * is one self-contained file and needs no server.
 *
 * Records are read one at a time, the newest first, and only their points are kept, so memory does not grow with their pictures. Pages of
 * many runs have the newest only: a browser could not draw ten thousand.
 */
import path from 'node:path';
import {
  type CommitContext,
  type ComparedSide,
  RUNS_PER_PAGE,
  type RunSummary,
  renderComparison,
  renderDashboard,
  renderFleet,
  renderReport,
  runsPages,
  summariseRun,
} from '../../dashboards/index.ts';
import { parseRecord, readRecord, writeWhole } from '../../results/store.ts';
import { knownCommits } from '../machine/commit-facts.ts';
import { orReason, type StoredRecord } from './stored-records.ts';

/** Reports take a second each to make, and a megabyte; of older runs there is the record. */
const REPORTS_MADE = 1000;

export interface SitePlan {
  /** The newest first. */
  readonly records: AsyncIterable<StoredRecord>;
  readonly out: string;
  readonly tell: (line: string) => void;
}

export interface SiteOutcome {
  readonly index: string;
  readonly runs: number;
  readonly unreadable: readonly string[];
}

interface StoredRun {
  /** In the site. */
  readonly file: string;
  readonly summary: RunSummary;
}

/** Writes the site; what is no record is reported on the index and left out. Files of an earlier site are replaced. */
export async function buildSite({ records, out, tell }: SitePlan): Promise<SiteOutcome> {
  const known = knownCommits();
  const runs = new Map<string, StoredRun>();
  const unreadable: string[] = [];
  for await (const { name, document } of records) {
    const read = orReason(() => parseRecord(name, document()));
    if ('reason' in read) {
      unreadable.push(read.reason);
      continue;
    }
    const record = read.result;
    // The same run may lie in two folders; one page is enough.
    if (runs.has(record.runId)) continue;
    const page = path.join(out, 'runs', `${record.runId}.html`);
    const hasReport = runs.size < REPORTS_MADE;
    if (hasReport) writeWhole(page, await renderReport(record, known));
    const file = path.join(out, 'runs', `${record.runId}.json`);
    writeWhole(file, document());
    const summary = { ...summariseRun(record, known.commits), hasReport };
    const isShown = runs.size < RUNS_PER_PAGE;
    runs.set(record.runId, { file, summary: isShown ? summary : { ...summary, points: [] } });
    if (hasReport) tell(`report: ${page}`);
  }
  const stored = [...runs.values()];
  const index = await writePages(stored, unreadable, out, known);
  return { index, runs: stored.length, unreadable };
}

async function writePages(
  stored: readonly StoredRun[],
  unreadable: readonly string[],
  out: string,
  known: CommitContext,
): Promise<string> {
  const pages: { href: string; title: string }[] = [];
  const write = (href: string, title: string, text: string) => {
    writeWhole(path.join(out, href), text);
    pages.push({ href, title });
  };
  const runs = stored.map(({ summary }) => summary);
  const latest = await latestComparison(stored.slice(0, RUNS_PER_PAGE), known);
  if (latest !== null) write('latest.html', 'The newest commit against the one before', latest);
  if (runs.length > 0)
    write('fleet.html', 'Which policy on which storage, and changes over all machines', await renderFleet(runs));
  if (runs.length > RUNS_PER_PAGE) {
    for await (const { href, title, text } of runsPages(runs)) write(href, title, text);
  }
  const index = path.join(out, 'index.html');
  const shown = { runs: runs.slice(0, RUNS_PER_PAGE), total: runs.length };
  writeWhole(index, await renderDashboard({ ...shown, unreadable, pages, known }));
  return index;
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
