/** Temporary folders and streams for the tests of this folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GuestRequest, RequestStream } from '../request.ts';

/** Runs `body` with a new folder, which is removed afterwards whatever happens. */
export async function inTemporaryFolder(body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'cowbench-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes `content` to a new file in `folder` and returns its path. */
export function fileWith(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** All requests of a stream. Only for short ones. */
export async function collect(stream: RequestStream): Promise<GuestRequest[]> {
  const all: GuestRequest[] = [];
  for await (const batch of stream) all.push(...batch);
  return all;
}
