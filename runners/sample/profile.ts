/** The CPU profile of a replay, without what comes before and after it. Sampling costs time: such a replay is no measurement. */
import fs from 'node:fs';
import { Session } from 'node:inspector/promises';

/** Finer than the default of a millisecond: a call of the engine takes microseconds. */
const INTERVAL_US = 200;

/** Runs `work`, and writes its profile to `file` when one is given: the format that Chrome's developer tools open. */
export async function profiled<Result>(file: string | undefined, work: () => Promise<Result>): Promise<Result> {
  if (file === undefined) return work();
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    await session.post('Profiler.start');
    const result = await work();
    const { profile } = await session.post('Profiler.stop');
    fs.writeFileSync(file, JSON.stringify(profile));
    return result;
  } finally {
    session.disconnect();
  }
}
