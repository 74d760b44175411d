/** Reads the JSON document of an earlier history run. */
import fs from 'node:fs';
import { HistoryRun } from '../../../dashboards/index.ts';
import { UsageError } from '../../console/errors.ts';
import { systemReason } from '../../console/parser-words.ts';

/** A larger file is no document of ours: refused before it is held in memory. */
const MOST_BYTES = 512 * 1024 * 1024;

/** @throws UsageError naming the file, and what is wrong with it. */
export function readHistory(file: string): HistoryRun {
  const parsed = HistoryRun.safeParse(jsonOf(file));
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new UsageError(
    `--from ${file}: not a document of cowbench history: ${path.join('.') || 'document'}: ${message}`,
  );
}

function jsonOf(file: string): unknown {
  try {
    const { size } = fs.statSync(file);
    if (size > MOST_BYTES) throw new Error(`${size} bytes are too many`);
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`--from ${file}: ${systemReason(error)}`, { cause: error });
  }
}
