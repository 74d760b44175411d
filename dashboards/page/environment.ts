/** Where and how the run was made, and the command that repeats it. */
import type { RunRecord } from '../../results/record.ts';
import { formatBytes, formatCount, formatDuration } from '../reading/quantities.ts';
import { profilesSection } from './attachments.ts';
import { type Html, html } from './html.ts';

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function reproduceCommand(record: RunRecord): string {
  return ['npm', 'run', '-s', 'cowbench', '--', ...record.command].map(shellWord).join(' ');
}

/** `2024-05-06 09:00:00 UTC`. */
function clock(instant: string): string {
  return `${new Date(instant).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

function facts(record: RunRecord): [string, string][] {
  const { environment: e, workload: w, source: s } = record;
  const probe = e.syncProbe;
  const parameters = Object.entries(w.parameters).map(([name, value]) => `${name} ${value}`);
  const each = (words: (image: RunRecord['cells'][number]['image']) => string) =>
    [...new Set(record.cells.map(({ image }) => words(image)))].join(', ');
  const images = [
    `version ${each(({ version }) => String(version))}`,
    `clusters of ${each(({ clusterSizeBytes }) => formatBytes(clusterSizeBytes))}`,
    `refcounts of ${each(({ refcountBits }) => String(refcountBits))} bits`,
  ];
  return [
    ['Workload', [w.title, ...parameters].join(', ')],
    [
      'Guest',
      `disk of ${formatBytes(w.diskSizeBytes)}, guest flush ${w.guestFlush}, discard ${w.discard}, seed ${w.seed}`,
    ],
    ['Image', images.join('; ')],
    [
      'Source',
      `cowbench ${s.version}, ${s.commit === null ? 'no commit' : `commit ${s.commit.slice(0, 12)}`}${s.dirty ? ', with changes' : ''}`,
    ],
    ['File system', [e.fileSystem.type, e.fileSystem.mountOptions].filter((word) => word !== '').join(', ')],
    [
      'Sync probe',
      probe === null
        ? 'not run'
        : `median ${formatDuration(probe.medianNs)}, p99 ${formatDuration(probe.p99Ns)} over ${formatCount(probe.samples)} syncs${probe.looksReal ? '' : '; does not look like a real sync'}`,
    ],
    ['Machine', `${e.cpu}, ${e.cores} cores, ${formatBytes(e.memoryBytes)}`],
    ['System', `${e.kernel}, Node ${e.node}, machine id ${e.machine}`],
    [
      'Run',
      `${record.runId}, ${clock(record.startedAt)} to ${record.finishedAt === null ? 'not finished' : clock(record.finishedAt)}`,
    ],
  ];
}

/** The facts of the run, and after them its profiles where there are any. */
export function environmentSection(record: RunRecord): Html {
  return html`<section id="environment" aria-labelledby="environment-title">
<h2 id="environment-title">Environment, and how to repeat this run</h2>
<div class="command"><pre tabindex="0" aria-label="Command that repeats this run"><code>${reproduceCommand(record)}</code></pre>
<button type="button" class="tool" data-copy="${reproduceCommand(record)}">Copy</button></div>
<dl class="facts">${facts(record).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
</section>
${profilesSection(record)}`;
}
