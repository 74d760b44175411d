/** The record's published JSON Schema (draft 2020-12), for readers outside this project. */
import { z } from 'zod';
import { RunRecord } from './record.ts';

/**
 * The schema as the text of `results/schema/run-record.schema.json`.
 * Unknown fields are allowed, so that a record of a later minor version still validates.
 */
export function runRecordJsonSchema(): string {
  const schema = z.toJSONSchema(RunRecord, { io: 'input' });
  return `${JSON.stringify({ title: 'cowbench run record', ...schema }, null, 2)}\n`;
}
