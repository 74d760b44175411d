/** How much the machine is asked for more CPU time than it has: pressure stall information of the Linux kernel (PSI). */
import fs from 'node:fs';

/** Counts from now on; the function gives the share of the time since then in which something waited for a CPU, 0 where unknown. */
export function watchWaiting(): () => number {
  const [startMs, startUs] = [performance.now(), waitedUs()];
  return () => {
    const now = waitedUs();
    if (startUs === null || now === null) return 0;
    return Math.min(1, (now - startUs) / 1000 / Math.max(1, performance.now() - startMs));
  };
}

/** Null where the kernel does not say. */
function waitedUs(): number | null {
  try {
    const total = /^some .* total=(\d+)$/m.exec(fs.readFileSync('/proc/pressure/cpu', 'utf8'))?.[1];
    return total === undefined ? null : Number(total);
  } catch {
    return null;
  }
}
