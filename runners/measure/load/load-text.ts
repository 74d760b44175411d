/** A load run as Markdown: rows by job, each server as a multiple of the reference. */
import type { LoadRecord, LoadResult } from '../../../results/load-record.ts';
import { shellWord } from '../../console/shell-word.ts';

export function loadText({ startedAt, rounds, commits, results, reference, command, environment }: LoadRecord): string {
  const jobs = [...new Set(results.map(({ job }) => job))];
  const lines = [
    '# NBD servers under load',
    '',
    `\`${['cowbench', ...command].map(shellWord).join(' ')}\`, on ${startedAt.slice(0, 10)}, on ${environment.cpu} with`,
    `${environment.cores} cores: fio loads the servers in turns, each warmed up first, and figures are medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, times noisy. A client does ${commits} commits, each a`,
    `write of 4 KiB into a fresh cluster and a flush; the latency is that of the flush. Multiples are of ${reference}. Syncs are counted by strace, apart from the times.`,
    '',
    '| job | server | MB/s | requests/s | multiple | median | p99 | syncs per flush |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  for (const job of jobs) {
    const ofJob = results.filter((result) => result.job === job);
    const base = ofJob.find(({ server }) => server === reference);
    lines.push(...ofJob.map((result) => row(result, base)));
  }
  return `${lines.join('\n')}\n`;
}

function row(result: LoadResult, base: LoadResult | undefined): string {
  const { job, server, bytesPerSecond, requestsPerSecond, medianUs, p99Us, syncsPerFlush } = result;
  const multiple = base === undefined ? '-' : `${(requestsPerSecond / base.requestsPerSecond).toFixed(2)}x`;
  const cells = [
    ...[job, server, (bytesPerSecond / 1e6).toFixed(1), requestsPerSecond.toFixed(0), multiple],
    ...[`${medianUs.toFixed(0)} µs`, `${p99Us.toFixed(0)} µs`],
    syncsPerFlush === null ? '-' : syncsPerFlush.toFixed(3),
  ];
  return `| ${cells.join(' | ')} |`;
}
