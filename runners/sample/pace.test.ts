import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowNs } from '../../engine/index.ts';
import { MeasuredClock } from './measured-clock.ts';
import { Pacer, parsePace } from './pace.ts';
import { REAL_TIME, virtualTime } from './time-source.ts';

test('a pace is the trace, the trace sped up, or a rate', () => {
  assert.deepEqual(parsePace('trace'), { speed: 1 });
  assert.deepEqual(parsePace('trace:8'), { speed: 8 });
  assert.deepEqual(parsePace('250'), { requestsPerSecond: 250 });
  for (const bad of ['', 'trace:', 'trace:0', '0', '-1', 'fast', '1e9']) {
    assert.throws(() => parsePace(bad), /^WorkloadError: --pace "/, bad);
  }
});

/** Serves requests that take `serviceNs` each at a rate; gives the latencies from when each was due. */
function latenciesAt(requestsPerSecond: number, serviceNs: readonly number[]): number[] {
  let elapsedNs = 0;
  const time = virtualTime({ elapsedNs: () => elapsedNs });
  const clock = new MeasuredClock(time);
  const pacer = new Pacer({ requestsPerSecond }, clock);
  return clock.run(() =>
    serviceNs.map((ns, index) => {
      const dueNs = pacer.waitFor({ op: 'flush' }, index);
      elapsedNs += ns;
      return time.nowNs() - dueNs;
    }),
  );
}

test('requests that wait behind a slow one have waited: no coordinated omission', () => {
  // One request stalls for 3 ms; at one a millisecond the next two were due meanwhile.
  assert.deepEqual(
    latenciesAt(1000, [10_000, 3_000_000, 10_000, 10_000, 10_000]),
    [10_000, 3_000_000, 2_010_000, 1_020_000, 30_000],
  );
  assert.deepEqual(latenciesAt(1000, [10_000, 10_000]), [10_000, 10_000]);
});

test('a trace is followed at its own times, or faster; one without times is refused', () => {
  const time = virtualTime({ elapsedNs: () => 0 });
  const clock = new MeasuredClock(time);
  const pacer = new Pacer({ speed: 2 }, clock);
  clock.run(() => {
    const started = pacer.waitFor({ op: 'flush', atUs: 5000 }, 0);
    assert.equal(pacer.waitFor({ op: 'flush', atUs: 6000 }, 1) - started, 500_000);
    // The flush at power-off has no time of its own.
    assert.equal(pacer.waitFor({ op: 'flush' }, 2) - started, 500_000);
    const untimed = new Pacer({ speed: 2 }, clock);
    assert.throws(() => untimed.waitFor({ op: 'flush' }, 0), /--pace trace: request 1 \(flush\) has no time/);
  });
  assert.equal(clock.wallNs, 500_000);
});

test('real time is waited for to the end', () => {
  const until = nowNs() + 3e6;
  REAL_TIME.waitUntil(until);
  assert.ok(nowNs() >= until);
});
