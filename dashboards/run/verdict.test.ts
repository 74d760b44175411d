/** The sentences of the first screen, against records changed by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunRecord } from '../../results/record.ts';
import { fixtureRecord } from '../testing/fixture-record.ts';
import { flushWorld, verdictOf } from './verdict.ts';
import { warningsOf } from './warnings.ts';

const plain = (text: string) => text.replace(/[\u202f\u00a0]/g, ' ');
const headline = (change?: (record: RunRecord) => void) => plain(verdictOf(fixtureRecord(change)).headline);

function setWall(record: RunRecord, cell: number, seconds: readonly number[]): void {
  record.cells[cell]!.rounds = record.cells[cell]!.rounds.slice(0, seconds.length);
  delete record.cells[cell]!.control;
  record.cells[cell]!.rounds.forEach((round, index) => {
    round.wallNs = seconds[index]! * 1e9;
  });
}

test('counts, time and safety in one sentence', () => {
  assert.match(
    headline(),
    /^writeback needs 99\.4 % fewer syncs than legacy \(37 vs 5 850\) and was \d\.\d+× faster here \(95 % interval \d\.\d+× to \d\.\d+×\); it survived 41 000 crash states\.$/,
  );
});

test('a policy that a power cut damages is said to be, in words, and a harmless class is not held against it', () => {
  const text = headline((record) => {
    record.cells[2]!.crash!.verdict = 'violated';
    record.cells[2]!.crash!.violations = { corrupt: 367, lost: 0, secondPhase: 294, copiedOnly: 1026 };
  });
  assert.match(text, /; it did not survive all of 41 000 crash states \(corrupt, corrupted by later writes\)\.$/);
});

test('a policy with O_DSYNC writes is compared by all its waits', () => {
  const { further } = verdictOf(fixtureRecord());
  assert.match(
    plain(further[0] ?? ''),
    /^writethrough needs 17\.2 times as many waits for the disk as legacy \(100 405 vs 5 850\)/,
  );
});

test('more syncs and slower is said as plainly', () => {
  const text = headline((record) => {
    record.cells[2]!.exact!.fsyncs = 11_700;
    setWall(record, 0, Array(8).fill(10));
    setWall(record, 2, [20, 21, 22, 20, 21, 22, 21, 21]);
  });
  assert.match(
    text,
    /^writeback needs 2 times as many syncs as legacy \(11 700 vs 5 850\) and was 2\.1× slower here \(95 % interval 2× to 2\.2×\);/,
  );
});

test('times that overlap make no claim; one round is called one round', () => {
  const overlapping = headline((record) => {
    setWall(record, 0, Array(8).fill(10));
    setWall(record, 2, [9, 10.5, 11, 9, 10.5, 11, 9, 10.5]);
  });
  assert.match(overlapping, /took about as long here \(not settled; about \d+ more rounds needed\)/);
  const same = headline((record) => {
    setWall(record, 0, Array(8).fill(10));
    setWall(record, 2, [10, 10.01, 9.99, 10, 10.02, 10, 9.98, 10]);
  });
  assert.match(same, /took the same time here \(within 2 %\)/);
  const few = headline((record) => {
    setWall(record, 0, [10, 10, 10]);
    setWall(record, 2, [20, 20, 20]);
  });
  assert.match(few, /was 2× slower here \(median of 3 rounds, too few to settle it\)/);
  const single = headline((record) => {
    setWall(record, 0, [10]);
    setWall(record, 2, [5]);
  });
  assert.match(single, /was 2× faster here in the one round measured/);
});

test('no claim about time where a sync means nothing, and a warning instead', () => {
  const tmpfs = (record: RunRecord) => {
    record.environment.fileSystem.tmpfs = true;
  };
  assert.doesNotMatch(headline(tmpfs), /here/);
  assert.match(
    warningsOf(fixtureRecord(tmpfs))[0]?.text ?? '',
    /^Times are not those of a real disk for any policy of this run: .*tmpfs/,
  );
  const unsafe = fixtureRecord((record) => {
    record.cells[2]!.hostCacheMode = 'unsafe';
  });
  assert.match(warningsOf(unsafe)[0]?.text ?? '', /for writeback: host cache mode unsafe/);
  assert.deepEqual(warningsOf(fixtureRecord()), []);
});

test('wrong data and unequal counts are the first warnings', () => {
  const warnings = warningsOf(
    fixtureRecord((record) => {
      record.source.dirty = true;
      record.cells[1]!.verification.content = 'different';
      record.cells[2]!.deterministic = false;
    }),
  );
  assert.deepEqual(
    warnings.map(({ severity }) => severity),
    ['bad', 'bad', 'warn'],
  );
  assert.match(warnings[0]?.text ?? '', /^writethrough: the guest’s data came back different/);
});

test('one policy, no policy, unexplored crash safety', () => {
  const one = headline((record) => {
    record.cells = record.cells.slice(0, 1);
    record.cells[0]!.crash = null;
  });
  assert.equal(one, 'legacy needs 5 850 syncs for 48 905 guest writes; its crash safety was not explored in this run.');
  assert.match(
    headline((record) => {
      record.cells = [];
    }),
    /no policy finished a round/i,
  );
});

test('the world of guest flushes is named', () => {
  assert.match(flushWorld(fixtureRecord()), /\(guest flush: none\)/);
  const recorded = fixtureRecord((record) => {
    record.workload.guestFlush = 'recorded';
    record.cells[0]!.exact!.guest.flushes = 39_409;
  });
  assert.match(plain(flushWorld(recorded)), /39 409 flushes are replayed as recorded/);
});

test('what there is none of is not spoken of as if there were some', () => {
  const world = (guestFlush: string, flushes: number, recordedFlushes?: number) =>
    flushWorld(
      fixtureRecord((record) => {
        record.workload.guestFlush = guestFlush;
        if (recordedFlushes !== undefined) record.workload.recordedFlushes = recordedFlushes;
        record.cells[0]!.exact!.guest.flushes = flushes;
      }),
    );
  assert.match(world('recorded', 0), /^The guest never flushes .*With a guest that flushes the ranking can/);
  assert.match(world('recorded', 1), /^The guest’s one flush is replayed as recorded/);
  assert.match(world('none', 1, 0), /at power-off \(guest flush: none\); the workload itself has no flush at all\.$/);
  assert.match(world('none', 1, 7), /With recorded flushes the ranking can reverse\.$/);
  assert.match(world('every:8', 0, 0), /^Guest flushes: every:8 \(none here: the guest writes less often than that\)/);
  const verdict = (change: (record: RunRecord) => void) => plain(headline(change));
  const idle = verdict((record) => {
    for (const cell of record.cells) Object.assign(cell.exact!, { fsyncs: 0, odsyncWrites: 0 });
  });
  assert.match(idle, /^writeback needs no syncs, like legacy/);
  const lone = verdict((record) => {
    record.cells.length = 1;
    Object.assign(record.cells[0]!.exact!, { fsyncs: 0, odsyncWrites: 1 });
    record.cells[0]!.exact!.guest.writes = 1;
  });
  assert.match(lone, /^legacy needs no syncs and 1 O_DSYNC write for 1 guest write;/);
});
