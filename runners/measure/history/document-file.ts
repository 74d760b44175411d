/** Reads the JSON document of an earlier history run. */
import { HistoryRun } from '../../../dashboards/index.ts';
import { UsageError } from '../../console/errors.ts';
import { textOfFile } from '../../console/text-of-file.ts';

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
    return JSON.parse(textOfFile(file, MOST_BYTES));
  } catch (error) {
    throw new UsageError(`--from ${file}: ${(error as Error).message}`, { cause: error });
  }
}
