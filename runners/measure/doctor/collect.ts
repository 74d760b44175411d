/**
 * Runs one replay under @clinic/doctor and makes its page. A process of its own, in a folder of its own: the doctor leaves trace
 * files in the working directory, refuses to start where some are left, and sets `NODE_OPTIONS` for everything it starts.
 *
 * Words: the file of the job, the file for the page. The last line on stdout says what the page says, as JSON: `DoctorFinding`.
 */
import fs from 'node:fs';
import path from 'node:path';
// The package is JavaScript without types; what is used of it is declared here.
// @ts-expect-error: no declarations
import ClinicDoctor from '@clinic/doctor';

interface Doctor {
  collect(words: readonly string[], done: (error: Error | null, folder: string) => void): void;
  visualize(folder: string, page: string, done: (error: Error | null) => void): void;
}

export interface DoctorFinding {
  /** The doctor's own word. */
  readonly category: string;
  /** How often it looked at the process. */
  readonly samples: number;
}

/** Fine enough for seconds, few enough samples for minutes. */
const SAMPLE_INTERVAL_MS = 20;

const [jobFile, page] = process.argv.slice(2) as [string, string];
const doctor = new ClinicDoctor({ sampleInterval: SAMPLE_INTERVAL_MS, dest: process.cwd() }) as Doctor;
const replay = path.join(import.meta.dirname, 'replay.ts');
const { promise: collected, resolve, reject } = Promise.withResolvers<string>();
doctor.collect([process.execPath, replay, jobFile], (error, folder) => (error ? reject(error) : resolve(folder)));
const folder = await collected;
const drawn = Promise.withResolvers<void>();
doctor.visualize(folder, page, (error) => (error ? drawn.reject(error) : drawn.resolve()));
await drawn.promise;
console.log(JSON.stringify(findingIn(fs.readFileSync(page, 'utf8'))));

/** The page carries the samples and the analysis as JSON. */
function findingIn(text: string): DoctorFinding {
  const data = /<script type="application\/json" id="clinic-data">(.*?)<\/script>/s.exec(text)?.[1];
  if (data === undefined) throw new Error('the page of Clinic Doctor has no data');
  const { processStat, analysis } = JSON.parse(data) as {
    readonly processStat: readonly unknown[];
    readonly analysis: { readonly issueCategory: string };
  };
  return { category: analysis.issueCategory, samples: processStat.length };
}
