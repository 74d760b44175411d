/**
 * Repairs a crash state that is sound but leaks or has wrong COPIED flags: no guest byte may change, nothing may be left to repair,
 * and a crash at any point of the repair must leave a sound image with the same content.
 */
import { hasErrors, MemoryFile, Qcow2Error, RecordingFile, repairImage } from '../../../engine/index.ts';
import type { ValueTable } from '../requests/crash-workload.ts';
import { GuestOracle, type SectorValues } from '../requests/guest-oracle.ts';
import type { CrashRecording } from '../states/record-workload.ts';
import type { StateFile } from '../states/state-file.ts';
import { readRun } from './guest-content.ts';
import { GuestMapReader, type GuestRun } from './guest-map.ts';

/** Explores the crash states of a repair and returns the reason of the first violation, or null. */
export type ExploreRepair = (repair: CrashRecording, oracle: GuestOracle) => string | null;

/** In words what is wrong with the repair of the state in `file`, or null. The file is left as it is. */
export function judgeRepair(file: StateFile, recording: CrashRecording, explore: ExploreRepair): string | null {
  const base = file.copy();
  const repaired = new RecordingFile(new MemoryFile(recording.workload.name, base));
  try {
    const { after } = repairImage(repaired);
    if (hasErrors(after) || after.leaks > 0) return `the repair leaves ${after.findings[0]?.text ?? 'errors'}`;
  } catch (error) {
    if (error instanceof Qcow2Error) return `the image cannot be repaired: ${error.message}`;
    throw error;
  }
  const repair: CrashRecording = {
    ...recording,
    base,
    events: repaired.events,
    durableAt: 'flush',
    failures: new Map(),
  };
  const reason = explore(repair, oracleOf(file, recording.values));
  return reason === null ? null : `when the repair itself is interrupted: ${reason}`;
}

/** An oracle that allows exactly what the state holds. */
function oracleOf(file: StateFile, values: ValueTable): GuestOracle {
  const reader = new GuestMapReader(file);
  const oracle = new GuestOracle(values, reader.sizeBytes, 'flush');
  fill(oracle.disk, file, reader, reader.disk());
  for (const { name, l1Offset, l1Entries } of reader.snapshots()) {
    const sectors: SectorValues = new Map();
    fill(sectors, file, reader, reader.map(l1Offset, l1Entries));
    oracle.snapshots.set(name, { presence: 'must', fate: 'stays', sectors, sizeBytes: reader.sizeBytes });
  }
  return oracle;
}

function fill(sectors: SectorValues, file: StateFile, reader: GuestMapReader, runs: readonly GuestRun[]): void {
  for (const run of runs) {
    readRun(file, run, reader.usesZstd).forEach((value, index) => {
      if (value !== 0) sectors.set(run.guestSector + index, { older: [], current: [value] });
    });
  }
}
