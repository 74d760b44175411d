/** Where and how the run was made, and the command that repeats it. */
import type { Environment, RunRecord } from '../../results/record.ts';
import { workloadParts } from '../../results/workload-parts.ts';
import { formatBytes, formatCount, formatDuration } from '../reading/quantities.ts';
import { profilesSection } from './attachments.ts';
import { type Html, html } from './html.ts';

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command line that repeats a run, with a button that copies it. */
export function commandBox(words: readonly string[]): Html {
  const line = words.map(shellWord).join(' ');
  return html`<div class="command"><pre tabindex="0" aria-label="Command that repeats this run"><code>${line}</code></pre>
<button type="button" class="tool" data-copy="${line}">Copy</button></div>`;
}

/** `2024-05-06 09:00:00 UTC`. */
export function clock(instant: string): string {
  return `${new Date(instant).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function workloadFacts(w: RunRecord['workload']): [string, string][] {
  const parameters = Object.entries(w.parameters).map(([name, value]) => `${name} ${value}`);
  return [
    ['Workload', [w.title, ...parameters].join(', ')],
    [
      'Guest',
      `disk of ${formatBytes(w.diskSizeBytes)}, guest flush ${w.guestFlush}, discard ${w.discard}, seed ${w.seed}`,
    ],
  ];
}

function facts(record: RunRecord): [string, string][] {
  const { environment: e, source: s } = record;
  const each = (words: (image: RunRecord['cells'][number]['image']) => string) =>
    [...new Set(record.cells.map(({ image }) => words(image)))].join(', ');
  const images = [
    `version ${each(({ version }) => String(version))}`,
    `clusters of ${each(({ clusterSizeBytes }) => formatBytes(clusterSizeBytes))}`,
    `refcounts of ${each(({ refcountBits }) => String(refcountBits))} bits`,
  ];
  return [
    ...workloadParts(record).flatMap(({ workload }) => workloadFacts(workload)),
    ['Image', images.join('; ')],
    [
      'Source',
      `cowbench ${s.version}, ${s.commit === null ? 'no commit' : `commit ${s.commit.slice(0, 12)}`}${s.dirty ? ', with changes' : ''}`,
    ],
    ...machineFacts(e),
    [
      'Run',
      `${record.runId}, ${clock(record.startedAt)} to ${record.finishedAt === null ? 'not finished' : clock(record.finishedAt)}`,
    ],
  ];
}

/** What the run was made on. */
export function machineFacts(e: Environment): [string, string][] {
  const probe = e.syncProbe;
  return [
    ['File system', [e.fileSystem.type, e.fileSystem.mountOptions].filter((word) => word !== '').join(', ')],
    [
      'Sync probe',
      probe === null
        ? 'not run'
        : `median ${formatDuration(probe.medianNs)}, p99 ${formatDuration(probe.p99Ns)} over ${formatCount(probe.samples)} syncs${probe.looksReal ? '' : '; does not look like a real sync'}`,
    ],
    ['Machine', `${e.cpu}, ${e.cores} cores, ${formatBytes(e.memoryBytes)}`],
    ['System', `${e.kernel}, Node ${e.node}, machine id ${e.machine}`],
  ];
}

/** The facts of the run, and after them its profiles where there are any. */
export function environmentSection(record: RunRecord): Html {
  return html`<section id="environment" aria-labelledby="environment-title">
<h2 id="environment-title">Environment, and how to repeat this run</h2>
${commandBox(['npm', 'run', '-s', 'cowbench', '--', ...record.command])}
<dl class="facts">${facts(record).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
</section>
${profilesSection(record)}`;
}
