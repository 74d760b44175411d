/**
 * The program that the doctor watches: one sample, in one thread, with a pause after every slice of requests so that the
 * doctor's timer gets its turn. Its times are no measurement. Started by `collect.ts` with the file of a job.
 */
import fs from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { SampleJob } from '../../sample/job.ts';
import { measure } from '../../sample/measure.ts';

const job = JSON.parse(fs.readFileSync(process.argv[2]!, 'utf8')) as SampleJob;
// No exit at the end: the doctor writes its samples when the program has nothing more to do.
await measure(job, async () => void (await setImmediate()));
