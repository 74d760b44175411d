/** What would it cost on another device: exact counts times a latency that the reader chooses. */
import type { RunRecord } from '../../results/record.ts';
import { CELL_COLOR, CELL_SHAPE, CELLS_PARAM, logDuration, SCHEMA } from '../charts/encodings.ts';
import { answered, type Question, type Row } from '../charts/question.ts';
import { type CountedCell, countedCells, median, waitsOf } from '../reading/cells.ts';
import { timedRounds } from '../reading/paired-times.ts';
import { formatCount, formatDuration } from '../reading/quantities.ts';

/** The slider runs over powers of ten of a millisecond: 0.01 ms to 10 ms. */
const LOWEST_EXPONENT = -2;
const HIGHEST_EXPONENT = 1;
const START_EXPONENT = 0;
const SAMPLES_MS = [0.01, 0.1, 1, 5, 10];

/** Time of the median round outside syncs (and of O_DSYNC writes, which wait in the write); noisy. */
function restNs({ cell, exact }: CountedCell): number {
  const durable = exact.writes === 0 ? 0 : exact.odsyncWrites / exact.writes;
  return median(timedRounds(cell).map((round) => round.wallNs - round.deviceNs.sync - round.deviceNs.write * durable));
}

function rowsOf(record: RunRecord): Row[] {
  return countedCells(record)
    .filter(({ exact }) => waitsOf(exact) > 0)
    .map((item) => ({
      cell: item.label,
      waits: waitsOf(item.exact),
      syncs: item.exact.fsyncs,
      odsync: item.exact.odsyncWrites,
    }));
}

export const deviceCost: Question = {
  id: 'device-cost',
  title: 'What would it cost on another device?',
  reading:
    'Waiting time = (syncs + O_DSYNC writes) × time of one sync. The counts are exact; set the slider to the sync time of your device.',
  absent: 'No policy of this run waited for the disk, so a slower disk would change nothing here.',
  renderer: 'svg',
  spec: {
    $schema: SCHEMA,
    params: [
      CELLS_PARAM,
      {
        name: 'exponent',
        value: START_EXPONENT,
        bind: {
          input: 'range',
          min: LOWEST_EXPONENT,
          max: HIGHEST_EXPONENT,
          step: 0.05,
          name: 'time of one sync, 10^x ms ',
        },
      },
      { name: 'latencyNs', expr: 'pow(10, exponent + 6)' },
    ],
    width: 640,
    height: 280,
    layer: [
      {
        data: { name: 'rows' },
        transform: [
          { calculate: `sequence(${LOWEST_EXPONENT}, ${HIGHEST_EXPONENT + 0.01}, 0.25)`, as: 'power' },
          { flatten: ['power'] },
          { calculate: 'pow(10, datum.power + 6)', as: 'ns' },
          { calculate: 'datum.waits * datum.ns', as: 'cost' },
        ],
        mark: { type: 'line', strokeWidth: 2 },
        encoding: {
          x: logDuration('x', 'ns', 'time of one sync (log scale)'),
          y: logDuration('y', 'cost', 'waiting for the disk (log scale)'),
          color: CELL_COLOR,
        },
      },
      {
        data: { values: [{}] },
        mark: { type: 'rule', strokeWidth: 1 },
        encoding: { x: { datum: { expr: 'latencyNs' }, type: 'quantitative' } },
      },
      {
        data: { name: 'rows' },
        transform: [
          { calculate: 'latencyNs', as: 'ns' },
          { calculate: 'datum.waits * latencyNs', as: 'cost' },
          { calculate: "format(datum.cost / 1e9, ',.3~f') + ' s'", as: 'shown' },
        ],
        mark: { type: 'point', filled: true, size: 110, opacity: 1, tooltip: true },
        encoding: {
          x: { field: 'ns', type: 'quantitative' },
          y: { field: 'cost', type: 'quantitative' },
          color: CELL_COLOR,
          shape: CELL_SHAPE,
          tooltip: [
            { field: 'cell', title: 'policy' },
            { field: 'waits', title: 'syncs + O_DSYNC writes' },
            { field: 'shown', title: 'waiting' },
          ],
        },
      },
    ],
  },
  ask: (record) =>
    answered({ rows: rowsOf(record) }, () => ({
      controls: [
        {
          kind: 'range',
          param: 'exponent',
          label: 'Time of one sync',
          min: LOWEST_EXPONENT,
          max: HIGHEST_EXPONENT,
          step: 0.05,
          value: START_EXPONENT,
          readout: { unitNs: 1e6, source: 'rows', label: 'cell', times: 'waits' },
        },
      ],
      table: {
        caption: 'Waiting time on devices of five speeds, and the time of everything else here',
        columns: [
          { label: 'Policy', quantity: 'text' },
          { label: 'Syncs', quantity: 'count', help: 'fdatasync calls' },
          { label: 'O_DSYNC writes', quantity: 'count', help: 'writes that wait until they are durable' },
          ...SAMPLES_MS.map(
            (ms) => ({ label: `at ${ms} ms`, quantity: 'duration', help: `waiting, if each took ${ms} ms` }) as const,
          ),
          { label: 'The rest, here', quantity: 'duration', help: 'time of the median round outside syncs; noisy' },
        ],
        rows: countedCells(record).map((item) => [
          item.label,
          item.exact.fsyncs,
          item.exact.odsyncWrites,
          ...SAMPLES_MS.map((ms) => waitsOf(item.exact) * ms * 1e6),
          item.cell.rounds.length === 0 ? null : Math.round(restNs(item)),
        ]),
      },
      words: countedCells(record).map(({ exact, label }) => {
        const waits = waitsOf(exact);
        return `${label} waits ${formatCount(waits)} times: ${formatDuration(waits * 1e6)} with 1\u00a0ms a sync, ${formatDuration(waits * 1e7)} with 10\u00a0ms.`;
      }),
    })),
};
