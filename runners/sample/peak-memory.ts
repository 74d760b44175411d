/** The most memory that this process has held at once, in bytes. */
import fs from 'node:fs';

/**
 * Linux keeps the peak of the present address space as VmHWM. `getrusage` is only the second choice: its peak begins
 * with that of the parent, which was copied when this process was forked.
 */
export function peakMemoryBytes(): number {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'));
    if (peak) return Number(peak[1]) * 1024;
  } catch {
    // No /proc on this platform.
  }
  return process.resourceUsage().maxRSS * 1024;
}
