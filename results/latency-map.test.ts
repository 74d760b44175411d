import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { halfTheColumns, LatencyMapBuilder, latencyBins, latencyBoundNs, MOST_COLUMNS } from './latency-map.ts';
import { LATENCY_LANES, type LatencyLane, LatencyMap } from './record-latency-map.ts';

interface Event {
  readonly lane: LatencyLane;
  readonly atNs: number;
  readonly latencyNs: number;
}

const MS = 1e6;
const SECOND = 1e9;
const events = fc.array(
  fc.record({
    lane: fc.constantFrom(...LATENCY_LANES),
    atNs: fc.oneof(fc.integer({ min: 0, max: SECOND }), fc.integer({ min: 0, max: 3600 * SECOND })),
    latencyNs: fc.oneof(fc.nat(5000), fc.integer({ min: 0, max: 10 * MS }), fc.integer({ min: 0, max: 300 * SECOND })),
  }),
  { minLength: 1, maxLength: 200 },
);

function mapOf(list: readonly Event[]): LatencyMap {
  const builder = new LatencyMapBuilder();
  for (const { lane, atNs, latencyNs } of list) builder.record(lane, atNs, latencyNs);
  return LatencyMap.parse(builder.summary());
}

/** The bin of one event in a finished map, worked out without the builder. */
function binOf(map: LatencyMap, { atNs, latencyNs }: Event): string {
  const rows = Array.from({ length: map.rows }, (_, row) => row);
  const row = rows.findLast((index) => latencyNs >= latencyBoundNs(map, index)) ?? 0;
  return `${Math.floor(atNs / map.columnNs)} ${row}`;
}

test('every latency is in exactly one bin, and in the right one, however long the run turns out', () => {
  fc.assert(
    fc.property(events, (list) => {
      const map = mapOf(list);
      assert.ok(map.columns <= MOST_COLUMNS && map.columns * map.columnNs > Math.max(...list.map(({ atNs }) => atNs)));
      for (const lane of LATENCY_LANES) {
        const expected = new Map<string, number>();
        for (const event of list.filter((one) => one.lane === lane)) {
          const bin = binOf(map, event);
          expected.set(bin, (expected.get(bin) ?? 0) + 1);
        }
        const found = latencyBins(map, lane).map(({ column, row, count }) => [`${column} ${row}`, count] as const);
        assert.deepEqual(new Map(found), expected, lane);
        assert.equal(found.length, expected.size);
      }
    }),
  );
});

test('half the columns hold the same latencies, those that began in two neighbours together', () => {
  fc.assert(
    fc.property(events, (list) => {
      const map = mapOf(list);
      const half = LatencyMap.parse(halfTheColumns(map));
      assert.deepEqual([half.columns, half.columnNs], [Math.ceil(map.columns / 2), map.columnNs * 2]);
      for (const lane of LATENCY_LANES) {
        const expected = new Map<string, number>();
        for (const { column, row, count } of latencyBins(map, lane)) {
          const bin = `${Math.floor(column / 2)} ${row}`;
          expected.set(bin, (expected.get(bin) ?? 0) + count);
        }
        const found = latencyBins(half, lane).map(({ column, row, count }) => [`${column} ${row}`, count] as const);
        assert.deepEqual(new Map(found), expected, lane);
      }
    }),
  );
});

test('each bound belongs to the row that begins with it; the ends take what lies beyond', () => {
  const rowOf = (latencyNs: number) => {
    const map = mapOf([{ lane: 'device-sync', atNs: 0, latencyNs }]);
    return latencyBins(map, 'device-sync')[0]!.row;
  };
  const map = mapOf([{ lane: 'device-sync', atNs: 0, latencyNs: 0 }]);
  for (let row = 0; row < map.rows; row++) {
    const bound = latencyBoundNs(map, row);
    assert.deepEqual([rowOf(bound), rowOf(bound * (1 - 1e-12))], [row, Math.max(0, row - 1)], `row ${row}`);
  }
  // Powers of ten, where a logarithm may round the wrong way.
  assert.deepEqual(
    [1, 10, 100, 1000, 10_000, 100_000].map((us) => rowOf(us * 1000)),
    [0, 8, 16, 24, 32, 40],
  );
  assert.deepEqual([0, -5, Number.NaN].map(rowOf), [0, 0, 0]);
  assert.deepEqual([latencyBoundNs(map, map.rows), rowOf(100 * SECOND), rowOf(1e15)], [100 * SECOND, 63, 63]);
});

test('a run of requests with a known slow period shows it where it was, and nowhere else', () => {
  const builder = new LatencyMapBuilder();
  const slow = (atNs: number) => atNs >= 12 * SECOND && atNs < 13 * SECOND;
  let atNs = 0;
  for (; atNs < 40 * SECOND; atNs += 5 * MS) builder.record('guest-flush', atNs, slow(atNs) ? 80 * MS : 2 * MS);
  const map = builder.summary()!;
  const bins = latencyBins(map, 'guest-flush');
  const slowBins = bins.filter(({ row }) => latencyBoundNs(map, row) > 50 * MS);
  assert.equal(
    slowBins.reduce((sum, { count }) => sum + count, 0),
    200,
  );
  const from = slowBins[0]!.column * map.columnNs;
  const to = (slowBins.at(-1)!.column + 1) * map.columnNs;
  assert.ok(from <= 12 * SECOND && from > 12 * SECOND - map.columnNs, `slow from ${from}`);
  assert.ok(to >= 13 * SECOND && to < 13 * SECOND + map.columnNs, `slow to ${to}`);
  assert.equal(
    bins.reduce((sum, { count }) => sum + count, 0),
    atNs / (5 * MS),
  );
});

test('nothing recorded, no map; the encoding passes over empty bins', () => {
  assert.equal(new LatencyMapBuilder().summary(), null);
  const builder = new LatencyMapBuilder();
  builder.record('device-write', 0, 10_000);
  builder.record('device-write', 0, 10_000);
  builder.record('device-write', 150_000, 1000);
  assert.deepEqual(builder.summary()!.lanes, { 'device-write': [-8, 2, -55, 1] });
});

test('a map that speaks of more bins than it has is refused', () => {
  const map = mapOf([{ lane: 'device-sync', atNs: 0, latencyNs: 0 }]);
  const claims = (bins: number[]) => LatencyMap.safeParse({ ...map, lanes: { 'device-sync': bins } }).success;
  assert.deepEqual([claims([-63, 1]), claims([-64, 1]), claims([-Number.MAX_SAFE_INTEGER, 1])], [true, false, false]);
});
