/** CPU time and peak memory of a running process, from /proc. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

export interface ProcessUsage {
  /** In steps of the kernel's clock tick, usually 10 ms. */
  readonly userCpuNs: number;
  readonly systemCpuNs: number;
  readonly peakMemoryBytes: number;
}

/** What process `processId` has used so far, all its threads included. */
export function processUsage(processId: number): ProcessUsage {
  const stat = fs.readFileSync(`/proc/${processId}/stat`, 'utf8');
  // The program's name, the second field, may hold blanks and brackets; fields 14 and 15 are the two CPU times.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const tickNs = 1e9 / ticksPerSecond();
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${processId}/status`, 'utf8'));
  return {
    userCpuNs: Number(fields[11]) * tickNs,
    systemCpuNs: Number(fields[12]) * tickNs,
    peakMemoryBytes: Number(peak?.[1] ?? 0) * 1024,
  };
}

function ticksPerSecond(): number {
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
}
