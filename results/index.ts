/** Records for other programs: the schema and its types, the reader, and what reads latencies and decides about times. */

export { mergeHistograms, quantileNs } from './histogram.ts';
export { runRecordJsonSchema } from './json-schema.ts';
export { type Histogram, RunRecord, SCHEMA_VERSION } from './record.ts';
export { RecordError } from './record-error.ts';
export { pairedRatio, type RatioInterval } from './statistics.ts';
export { readRecord } from './store.ts';
