/** A load run as Markdown: rows by job, each server as a multiple of the reference. */
import type { LoadRecord, LoadResult } from '../../../results/load-record.ts';

export function loadText({ startedAt, rounds, commits, results, reference }: LoadRecord): string {
  const jobs = [...new Set(results.map(({ job }) => job))];
  const lines = [
    `Servers under load by fio, ${startedAt.slice(0, 10)}, medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'} in turns; ${commits} commits a client, each a write of 4 KiB`,
    `into a fresh cluster and a flush. Latencies of commits are those of the flush. Multiples are of ${reference}.`,
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
