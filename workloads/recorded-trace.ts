/** The recorded traces in `traces/` (its README says how they were made) and their phases. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { batched, inSequence } from './batches.ts';
import { type LineMark, readIolog } from './iolog.ts';
import type { GuestRequest, RequestStream } from './request.ts';
import { withGuestFlush } from './transforms.ts';

export type RecordedTraceName = 'debian-install' | 'debian-first-boot' | 'debian-upgrade' | 'postgresql';

/** Those of Debian were recorded on one disk of this size. */
export const RECORDED_DISK_BYTES = 6_442_450_944;
/** That of PostgreSQL on one of this size. */
export const DATABASE_DISK_BYTES = 2 ** 30;

export interface RecordedTrace {
  readonly phases: readonly string[];
  readonly totalRequests: number;
  requests(): RequestStream;
}

const PhasesFile = z.object({
  phases: z.array(
    z.object({
      name: z.string(),
      first_line: z.int().positive().nullable(),
      last_line: z.int().positive().nullable(),
    }),
  ),
});

/** Opens a recorded trace: its phases are read now, its requests when they are asked for. */
export function recordedTrace(name: RecordedTraceName): RecordedTrace {
  const phases = PhasesFile.parse(JSON.parse(readFileSync(tracePath(`${name}.phases.json`), 'utf8'))).phases;
  const marks: LineMark[] = [];
  let totalRequests = 0;
  for (const { name: text, first_line: line, last_line: last } of phases) {
    if (line === null || last === null) continue;
    marks.push({ line, text });
    totalRequests += last - line + 1;
  }
  const diskSizeBytes = name === 'postgresql' ? DATABASE_DISK_BYTES : RECORDED_DISK_BYTES;
  const options = { diskSizeBytes, marks };
  return {
    phases: marks.map((mark) => mark.text),
    totalRequests,
    requests: () => readIolog(tracePath(`${name}.iolog.gz`), options),
  };
}

/**
 * The installed disk, as preparation: the installation with one flush at its end, since the flushes in between change
 * no guest byte and no place in the image; then `after`.
 */
export function installedDisk(...after: readonly GuestRequest[]): RequestStream {
  const install = withGuestFlush(recordedTrace('debian-install').requests(), 'none');
  return inSequence(install, batched(after));
}

/** The path of a file in `traces/`. */
export function tracePath(name: string): string {
  return fileURLToPath(new URL(`./traces/${name}`, import.meta.url));
}
