/** A counterexample described step by step: what the guest did, what had reached the disk when the power failed, what it finds then. */
import { type RecordedEvent, SECTOR_BYTES, type TableKind } from '../../../engine/index.ts';
import { requestWords } from '../requests/crash-workload.ts';
import { valueAt } from '../requests/guest-values.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import type { CounterExample } from './explore-point.ts';
import { type MinimalExample, minimise } from './minimise.ts';

type WriteEvent = Extract<RecordedEvent, { op: 'write' }>;

const KIND_WORDS: Record<TableKind, string> = {
  header: 'the header',
  'refcount-table': 'the refcount table',
  'refcount-block': 'a refcount block',
  l1: 'an L1 table',
  l2: 'an L2 table',
  data: 'guest data',
  cow: 'copied guest data',
  'snapshot-table': 'the snapshot table',
};

const OUTCOME_WORDS = {
  corrupt: 'the image is corrupt',
  lost: 'data is lost',
  foreign: 'the guest reads stale or misplaced data',
  snapshot: 'a snapshot is damaged',
  secondPhase: 'the image looks sound, but later writes corrupt it',
  repair: 'the image cannot be repaired',
  copiedShared: 'COPIED is set on a shared cluster',
  copiedOnly: 'COPIED flags are wrong but harmless',
};

/** How many in-flight writes are listed one by one. */
const LISTED_WRITES = 12;

/** Minimises `example` and describes it. */
export function tellStory(recording: CrashRecording, example: CounterExample): string[] {
  const minimal = minimise(recording, example);
  return [
    `${workloadWords(recording.workload.name)}, ${recording.workload.image.clusterSizeBytes}-byte clusters`,
    ...tellRequests(recording, minimal),
    ...tellWrites(recording, minimal),
    `after the restart ${OUTCOME_WORDS[minimal.kind]}: ${minimal.reason}`,
  ];
}

/** `shared: alloc, flush` as a reader says it. */
function workloadWords(name: string): string {
  return name.replace(/^shared: /, 'on a disk with a snapshot: ').replace(/^plain: /, 'on a disk without snapshots: ');
}

function tellRequests(recording: CrashRecording, { point }: MinimalExample): string[] {
  const { events, values, workload } = recording;
  const acknowledged = new Set(
    events
      .filter(({ sequence }) => sequence < point.sequence)
      .flatMap((event) => (event.op === 'mark' && event.mark.phase === 'ack' ? [event.mark.request] : [])),
  );
  return values.requests.slice(0, point.request + 1).map((request, index) => {
    const words = `request ${index + 1}: ${requestWords(request)}`;
    if (index < workload.before.length) return `${words} (setup, already on disk)`;
    return acknowledged.has(index) ? `${words}, acknowledged` : `${words}, during which the power fails`;
  });
}

function tellWrites(recording: CrashRecording, minimal: MinimalExample): string[] {
  const lines: string[] = [];
  for (const event of undecidedWrites(recording, minimal)) {
    const fate = fateOf(event, minimal);
    if (fate === null) continue;
    const what = event.kind === null ? 'a write' : KIND_WORDS[event.kind];
    lines.push(`${what}, ${event.bytes.length} bytes at 0x${event.offset.toString(16)}: ${fate}`);
  }
  if (lines.length === 0) return ['all earlier writes had reached the disk'];
  const listed = lines.slice(0, LISTED_WRITES);
  if (lines.length > LISTED_WRITES) listed.push(`and ${lines.length - LISTED_WRITES} more writes`);
  return ['in-flight writes (not yet synced) when the power failed:', ...listed.map((line) => `  ${line}`)];
}

/** Writes that no sync had made durable. */
function undecidedWrites({ events }: CrashRecording, { point }: MinimalExample): WriteEvent[] {
  const before = events.filter(({ sequence }) => sequence < point.sequence);
  const lastSync = before.findLastIndex((event) => event.op === 'sync' && !event.failed);
  return before.slice(lastSync + 1).flatMap((event) => (event.op === 'write' ? [event] : []));
}

/** What became of a write; null when it changed nothing or when nothing depends on it. */
function fateOf(event: WriteEvent, { point, vector, value }: MinimalExample): string | null {
  let reached = 0;
  let missing = 0;
  point.atoms.forEach(({ writtenBy }, atom) => {
    const choice = writtenBy.findIndex((sequences) => sequences.includes(event.sequence));
    if (choice < 0) return;
    if (vector[atom] === choice) reached++;
    else missing++;
  });
  if (reached > 0 && missing > 0) return `${reached} of ${reached + missing} changed sectors reached the disk`;
  if (reached > 0) return 'reached the disk';
  if (missing > 0) return 'did NOT reach the disk';
  if (value === null || value <= 0) return null;
  return holdsValue(event.bytes, value) ? 'reached the disk' : null;
}

function holdsValue(bytes: Uint8Array, value: number): boolean {
  const words = new Uint32Array(bytes.slice().buffer);
  for (let at = 0; at + SECTOR_BYTES / 4 <= words.length; at += SECTOR_BYTES / 4) {
    if (valueAt(words, at) === value) return true;
  }
  return false;
}
