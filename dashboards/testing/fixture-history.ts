/** FIXTURE, not measurements: a run over history with made-up counts, in which each stage syncs less. */
import type { Cell } from '../../results/record.ts';
import { type HistoryRun, MODES } from '../history/history-run.ts';
import { fixtureRecord } from './fixture-record.ts';

export const STAGES = ['S0', 'S1', 'S2', 'S3', 'S4a', 'S4b'];

/** A part with a cell for each stage and mode; later stages sync less, and never not at all. */
export function historyPart(id: string, title: string): HistoryRun['parts'][number] {
  const record = fixtureRecord();
  const [like] = record.cells.filter(({ exact }) => exact !== null);
  record.cells = STAGES.flatMap((stage, index) =>
    MODES.map((mode): Cell => {
      const cell = structuredClone(like!);
      Object.assign(cell, { id: `${mode}/${stage}`, hostCacheMode: mode });
      cell.policy.stage = stage;
      cell.exact!.fsyncs = 1000 - 100 * index;
      return cell;
    }),
  );
  return { id, title, record };
}

/** `text` is in the command and in the titles of the stages. */
export function historyRun(parts: HistoryRun['parts'], text = ''): HistoryRun {
  return {
    document: 'cowbench-history',
    schemaVersion: 1,
    runId: '20240506T090000Z-0a1b2c',
    status: 'complete',
    failure: null,
    startedAt: '2024-05-06T09:00:00.000Z',
    finishedAt: '2024-05-06T09:08:00.000Z',
    command: ['history', text],
    size: 'usual',
    stages: STAGES.map((id) => ({ id, date: '2011-01', commit: '0123456789', title: `${id} ${text}` })),
    parts,
    micro: null,
    staleTables: null,
    safetyPage: null,
  };
}
