/** What every store must do; each test gets an empty one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cell, RunRecord } from '../../../results/record.ts';
import { addSampleLines, type RunSample, sampleLine } from '../../../results/run-samples.ts';
import { sampleResult } from '../../../results/testing/sample-result.ts';
import { unmeasured } from '../../../results/unmeasured-cell.ts';
import { copyRuns } from '../copy-runs.ts';
import type { ResultStore, RunQuery } from '../result-store.ts';
import { measuredRecord } from './measured-record.ts';

/** Record number `index`, each a minute after the one before, with changes. */
export function recordNumber(index: number, changes: Partial<RunRecord> = {}): RunRecord {
  const startedAt = new Date(Date.UTC(2026, 0, 1, 0, index)).toISOString();
  return { ...measuredRecord(), runId: `20260101T00${String(index).padStart(4, '0')}Z-abcdef`, startedAt, ...changes };
}

/** As `bench` writes it; the spaces are what no parser gives back. */
export function textOf(record: RunRecord): string {
  return `${JSON.stringify(record)} \n`;
}

async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const list: Value[] = [];
  for await (const value of values) list.push(value);
  return list;
}

function withoutSamples(cell: Cell): Cell {
  return { ...cell, ...unmeasured() };
}

function runSample(cell: number, order: number): RunSample {
  const round = Math.floor(order / 2);
  return { cell, control: false, round, order, traced: false, measuringMs: order, result: sampleResult(1000 + order) };
}

type Open = () => Promise<ResultStore>;

/** Each gets a new store, and can open another. */
const CASES: readonly (readonly [name: string, work: (store: ResultStore, open: Open) => Promise<void>])[] = [
  [
    'a document comes back byte for byte; to put it again changes nothing',
    async (store) => {
      const text = textOf(recordNumber(1));
      assert.equal(await store.put(text), 'added');
      assert.equal(await store.put(text), 'same');
      assert.equal(await store.document(recordNumber(1).runId), text);
      assert.equal(await store.document('20260101T000002Z-abcdef'), null);
      assert.deepEqual(await all(store.verify()), []);
    },
  ],

  [
    'of two documents of a run, the one with more samples stays',
    async (store) => {
      const whole = recordNumber(1);
      const [cell, ...others] = whole.cells;
      const part = {
        ...whole,
        status: 'interrupted' as const,
        cells: [{ ...cell!, rounds: cell!.rounds.slice(1) }, ...others],
      };
      assert.equal(await store.put(textOf(part)), 'added');
      assert.equal(await store.put(textOf(whole)), 'replaced');
      assert.equal(await store.put(textOf(part)), 'kept');
      assert.equal(await store.document(whole.runId), textOf(whole));
      assert.deepEqual(await all(store.verify()), []);
      const twoAtOnce = await Promise.all([store.put(textOf(recordNumber(2))), store.put(textOf(recordNumber(2)))]);
      assert.ok(twoAtOnce.every((outcome) => outcome === 'added' || outcome === 'same'));
    },
  ],

  [
    'a run is begun, and samples are appended, each once; the document of it is the record so far',
    async (store) => {
      const begun = recordNumber(1, { status: 'running', cells: recordNumber(1).cells.map(withoutSamples) });
      const { runId } = begun;
      const first = runSample(0, 0);
      await assert.rejects(store.append(runId, first), {
        name: 'RecordError',
        message: /^no run \S+ is being measured/,
      });
      assert.equal(await store.put(textOf(begun)), 'added');
      assert.equal(await store.document(runId), textOf(begun));
      const samples = [first, runSample(1, 1), runSample(0, 2), runSample(1, 3)];
      for (const sample of [...samples, first]) await store.append(runId, sample);
      const fold = structuredClone(begun);
      addSampleLines(samples.map(sampleLine), 'samples', fold);
      assert.deepEqual(JSON.parse((await store.document(runId))!), fold);
      assert.deepEqual(
        (await all(store.find({}))).map(({ status, samples: count }) => [status, count]),
        [['running', 4]],
      );
      assert.deepEqual(await all(store.verify()), []);
      const ended = textOf({ ...fold, status: 'complete' });
      assert.equal(await store.put(ended), 'replaced');
      await assert.rejects(store.append(runId, runSample(0, 4)), { name: 'RecordError' });
      assert.equal(await store.document(runId), ended);
      assert.deepEqual([await all(store.verify()), await store.attachments(runId)], [[], []]);
    },
  ],

  [
    'runs are found by what they are, newest first',
    async (store) => {
      const other = recordNumber(3, { workload: { ...recordNumber(3).workload, name: "o'ther" } });
      const records = [recordNumber(1), recordNumber(2, { status: 'interrupted', plan: 'aa' }), other];
      for (const record of records) await store.put(textOf(record));
      const found = async (query: RunQuery) =>
        (await all(store.find(query))).map(({ runId }) => Number(runId.slice(11, 15)));
      assert.deepEqual(await found({}), [3, 2, 1]);
      assert.deepEqual(await found({ newest: 2 }), [3, 2]);
      assert.deepEqual(await found({ workload: "o'ther" }), [3]);
      assert.deepEqual(await found({ workload: "x' OR true --" }), []);
      assert.deepEqual(await found({ status: 'interrupted', plan: 'aa' }), [2]);
      assert.deepEqual(await found({ machine: 'nobody' }), []);
      const [summary] = await all(store.find({ newest: 1 }));
      assert.equal(summary!.startedAt, other.startedAt);
      assert.equal(
        summary!.samples,
        other.cells.reduce((sum, { rounds }) => sum + rounds.length, 0),
      );
    },
  ],

  [
    'a series has a point for each complete run, oldest first',
    async (store) => {
      for (const index of [2, 1, 3]) {
        const record = structuredClone(recordNumber(index, index === 3 ? { status: 'failed' } : {}));
        record.cells[0]!.exact!.fsyncs = 100 + index;
        await store.put(textOf(record));
      }
      const { workload, cells, environment } = recordNumber(1);
      const query = { metric: 'fsyncs', workload: workload.name, cell: cells[0]!.id } as const;
      assert.deepEqual(
        (await all(store.series(query))).map(({ value }) => value),
        [101, 102],
      );
      assert.equal((await all(store.series({ ...query, machine: environment.machine }))).length, 2);
      assert.equal((await all(store.series({ ...query, machine: 'nobody' }))).length, 0);
      assert.equal((await all(store.series({ ...query, metric: 'wallNs' }))).length, 2);
    },
  ],

  [
    'attachments belong to a run, under plain names',
    async (store) => {
      const { runId } = recordNumber(1);
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await assert.rejects(store.attach(runId, 'a.bin', bytes), { name: 'RecordError', message: /there is no run/ });
      await store.put(textOf(recordNumber(1)));
      await store.attach(runId, 'b.html', bytes);
      await store.attach(runId, 'a.bin', bytes.subarray(1));
      await store.attach(runId, 'a.bin', bytes);
      assert.deepEqual(await store.attachments(runId), ['a.bin', 'b.html']);
      assert.deepEqual(new Uint8Array((await store.attachment(runId, 'a.bin'))!), bytes);
      assert.equal(await store.attachment(runId, 'c'), null);
      for (const name of ['', '.x', '../x', 'a/b', 'json', 'x\n']) {
        await assert.rejects(store.attach(runId, name, bytes), { name: 'UsageError' }, name);
      }
    },
  ],

  [
    'what is no record of this version is refused, and nothing of it is stored',
    async (store) => {
      const strange = ['', 'null', '{}', '[1]', textOf(recordNumber(1)).slice(0, -20)];
      const wrong = [
        { ...recordNumber(1), runId: '../../x' },
        { ...recordNumber(1), schemaVersion: 99 },
      ];
      for (const text of [...strange, ...wrong.map((one) => JSON.stringify(one))]) {
        await assert.rejects(
          store.put(text),
          (error: Error) => error.name === 'RecordError' && !/\n/.test(error.message),
        );
      }
      assert.deepEqual(await all(store.find({})), []);
    },
  ],

  [
    'retention removes what is old and over, with all that belongs to it',
    async (store) => {
      for (const record of [recordNumber(1), recordNumber(2, { status: 'running' }), recordNumber(3)]) {
        await store.put(textOf(record));
      }
      await store.attach(recordNumber(1).runId, 'a', new Uint8Array(1));
      assert.equal(await store.prune(new Date(recordNumber(3).startedAt)), 1);
      assert.deepEqual(
        (await all(store.find({}))).map(({ status }) => status),
        ['complete', 'running'],
      );
      assert.deepEqual(await store.attachments(recordNumber(1).runId), []);
    },
  ],

  [
    'copied to another store and back, nothing is lost and nothing is double',
    async (store, open) => {
      const other = await open();
      try {
        for (const index of [1, 2, 3]) await store.put(textOf(recordNumber(index)));
        await store.attach(recordNumber(2).runId, 'profile', new Uint8Array([1, 2]));
        const outcomes = async () => (await all(copyRuns(store, other))).map(({ outcome }) => outcome);
        assert.deepEqual(await outcomes(), ['added', 'added', 'added']);
        assert.deepEqual(await outcomes(), ['same', 'same', 'same']);
        assert.equal(await other.document(recordNumber(3).runId), textOf(recordNumber(3)));
        assert.deepEqual(await other.attachments(recordNumber(2).runId), ['profile']);
        assert.deepEqual(await all(other.verify()), []);
      } finally {
        await other[Symbol.asyncDispose]();
      }
    },
  ],
];

/** `open` gives a new store, empty. */
export function testStore(kind: string, open: Open, options: { skip: string | false }): void {
  for (const [name, work] of CASES) {
    test(`${kind}: ${name}`, options, async () => {
      const store = await open();
      try {
        await work(store, open);
      } finally {
        await store[Symbol.asyncDispose]();
      }
    });
  }
}
