import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cell, CrashVerdict, ExactCounters, RunRecord } from '../../results/record.ts';
import { seededRandom } from '../../results/statistics-random.ts';
import { sampleCell, sampleRecord } from '../../results/testing/sample-record.ts';
import { matrixRecord } from '../testing/fixture-answer.ts';
import { adviceOf, adviceSentence, imageAdvice } from './advice.ts';

const DEVICES = ['hdd-7200', 'sata-ssd-no-plp', 'nvme-plp', 'network-block'] as const;
/** What the installation took on the models when this was written, in seconds. */
const INSTALLATION = { legacy: [385.5, 67, 2.03, 53.6], writeback: [195.3, 53.6, 2.53, 37.6] } as const;

interface Policy {
  readonly seconds?: number;
  readonly models?: readonly number[];
  readonly noise?: number;
  readonly change?: Partial<Cell>;
}

/** Rounds of about `seconds`, the first the traced one and much too slow: it must count for nothing. */
function roundsOf(seconds: number, seed: number, noise: number, count: number): Cell['rounds'] {
  const random = seededRandom(seed).next;
  return Array.from({ length: count }, (_, index) => ({
    ...{ index, order: index, startedAt: '2026-11-22T20:15:00.000Z', countsEqual: true },
    wallNs: Math.round(seconds * 1e9 * (index === 0 ? 9 : 1 + noise * (random() - 0.5))),
    ...{ userCpuNs: 1, systemCpuNs: 1, deviceNs: { read: 0, write: 0, sync: 0 }, peakMemoryBytes: 1 },
    ...(index === 0 && { traced: true }),
  }));
}

function recordOf(policies: Readonly<Record<string, Policy>>, rounds = 13): RunRecord {
  const cells = Object.entries(policies).map(([name, { seconds, models, noise = 0.02, change }], at): Cell => {
    const timed = seconds === undefined ? [] : roundsOf(seconds, at + 1, noise, rounds);
    const again = seconds === undefined ? [] : roundsOf(seconds, at + 100, noise, rounds).slice(1);
    return sampleCell({
      ...{ id: name, policy: { name, stage: null, parameters: {} }, exact: {} as ExactCounters, rounds: timed },
      ...(at === 0 && again.length > 0 && { control: again }),
      ...(models !== undefined && {
        modelledNs: Object.fromEntries(DEVICES.map((device, i) => [device, models[i]! * 1e9])),
      }),
      ...change,
    });
  });
  return sampleRecord({ cells });
}

const outcomes = (record: RunRecord) =>
  Object.fromEntries(adviceOf(record).storages.map(({ id, outcome, best }) => [id, `${outcome} ${best.join('+')}`]));

const violated: CrashVerdict = {
  ...{ verdict: 'violated', explored: 'the first 48 requests', epochs: 1, exhaustiveEpochs: 1, states: 9 },
  ...{ distinctStates: 9, violations: { lost: 2 }, maxLeakedClusters: 0 },
};
const lostData = { safety: { workload: violated, operations: [], exploredOperations: '' } };

test('each storage has its winner, by how much, and the sentence names all of them', () => {
  const record = recordOf({
    legacy: { seconds: 7.6, models: INSTALLATION.legacy },
    writeback: { seconds: 11.3, models: INSTALLATION.writeback },
  });
  const { sentence, storages } = adviceOf(record);
  assert.equal(
    sentence,
    'Use writeback on hard disks, SATA SSDs and network volumes; legacy on this disk and NVMe with power-loss protection.',
  );
  for (const { id, isModel, outcome, best, factor, versus } of storages) {
    const at = (DEVICES as readonly string[]).indexOf(id);
    const [a, b] = isModel ? [INSTALLATION.legacy[at]!, INSTALLATION.writeback[at]!] : [7.6, 11.3];
    assert.deepEqual(
      [outcome, best, versus],
      ['best', [a < b ? 'legacy' : 'writeback'], a < b ? 'writeback' : 'legacy'],
    );
    assert.ok(Math.abs(factor! - Math.max(a, b) / Math.min(a, b)) < (isModel ? 1e-9 : 0.05), `${id}: ${factor}`);
  }
});

test('the best of several is named with its factor over the baseline, not over the runner-up', () => {
  const record = recordOf({
    legacy: { models: [4, 4, 4, 4] },
    a: { models: [2, 3, 8, 4] },
    b: { models: [1, 3, 2, 4] },
  });
  const { storages } = adviceOf(record);
  assert.deepEqual(
    storages.map(({ outcome, best, factor, versus }) => [outcome, best.join(), factor, versus]),
    [
      ['best', 'b', 4, 'legacy'],
      ['tied', 'a,b', 4 / 3, 'legacy'],
      ['best', 'b', 2, 'legacy'],
      ['tied', 'legacy,a,b', null, null],
    ],
  );
});

test('what is within two percent on a model is a tie, what is the same here too', () => {
  const record = recordOf({
    legacy: { seconds: 5, noise: 0.002, models: [10, 10, 10, 10] },
    writeback: { seconds: 5, noise: 0.002, models: [10.1, 9.9, 10, 10.1] },
  });
  assert.match(adviceOf(record).sentence, /^Use writeback or legacy on this disk and on every modelled device\.$/);
  assert.deepEqual(new Set(adviceOf(record).storages.map(({ outcome }) => outcome)), new Set(['tied']));
});

test('an unsure comparison names no winner and no ratio, and says how many rounds are missing', () => {
  const noisy = { legacy: { seconds: 5, noise: 1 }, writeback: { seconds: 5.4, noise: 1 } };
  const few = adviceOf(recordOf(noisy, 4));
  assert.match(
    few.sentence,
    /^On this disk (legacy and writeback|writeback and legacy) cannot be told apart yet \(about \d+ more rounds will tell\)\.$/,
  );
  assert.deepEqual([few.storages[0]!.outcome, few.storages[0]!.factor], ['unsure', null]);
  const models = {
    legacy: { ...noisy.legacy, models: [4, 4, 4, 4] },
    writeback: { ...noisy.writeback, models: [2, 2, 2, 2] },
  };
  const mixed = adviceOf(recordOf(models, 4)).sentence;
  assert.match(
    mixed,
    /^Use writeback on hard disks, SATA SSDs, NVMe .* and network volumes; on this disk .* cannot be told apart/,
  );
  assert.doesNotMatch(`${few.sentence}${mixed}`, /×|times/);
});

test('two that cannot be told apart, and are both faster than a third, are recommended together', () => {
  const record = recordOf(
    { legacy: { seconds: 15 }, modern: { seconds: 5, noise: 0.4 }, writeback: { seconds: 5.2, noise: 0.4 } },
    8,
  );
  assert.match(
    adviceOf(record).sentence,
    /^On this disk (modern or writeback|writeback or modern) \(about \d+ more rounds will tell which\)\./,
  );
});

test('a winner that does not survive a power cut during the workload is not recommended, and the sentence says why', () => {
  const record = recordOf({
    legacy: { models: INSTALLATION.legacy },
    writeback: { models: INSTALLATION.writeback, change: lostData },
  });
  const { sentence, refused } = adviceOf(record);
  assert.equal(
    sentence,
    'Use legacy on every modelled device. Writeback, though faster, does not survive a power cut during this workload.',
  );
  assert.deepEqual(
    refused.map(({ label }) => label),
    ['writeback'],
  );
  const both = recordOf({
    legacy: { models: [1, 1, 1, 1], change: lostData },
    other: { models: [1, 1, 1, 1], change: lostData },
  });
  assert.match(
    adviceOf(both).sentence,
    /^No policy of this run can be recommended\. Legacy and other, though faster, do not survive a power cut/,
  );
  const unsafe = recordOf({
    legacy: { models: [2, 2, 2, 2] },
    fast: { models: [1, 1, 1, 1], change: { hostCacheMode: 'unsafe' } },
  });
  assert.match(adviceOf(unsafe).sentence, /^Use legacy .* Fast, though faster, makes nothing durable/);
  const wrong = { verification: { ...sampleCell().verification, content: 'different' as const } };
  assert.match(
    adviceOf(recordOf({ legacy: { models: [2, 2, 2, 2] }, bad: { models: [1, 1, 1, 1], change: wrong } })).sentence,
    /gave the guest wrong data/,
  );
});

describe('records that say less', () => {
  test('one policy, none, no time at all', () => {
    assert.equal(
      adviceOf(recordOf({ legacy: { seconds: 1 } })).sentence,
      'Only legacy was measured: there is nothing to choose between.',
    );
    assert.match(adviceOf(sampleRecord()).sentence, /^No policy finished a round/);
    const others = { qcow2: { change: { engine: 'nbd' } }, vmdk: { change: { engine: 'nbd' } } } as const;
    assert.equal(
      adviceOf(recordOf(others)).sentence,
      'Only other engines than cowbench were measured: their counts are what can be compared.',
    );
    const own = adviceOf(recordOf({ ...others, legacy: { seconds: 1 } })).sentence;
    assert.equal(own, 'Only legacy was measured: there is nothing to choose between.');
    assert.equal(adviceOf(recordOf({ a: {}, b: {} })).sentence, 'No time of this run says which policy is faster.');
  });

  test('without models there is this disk alone; on tmpfs there are the models alone', () => {
    const policies = { legacy: { seconds: 5 }, writeback: { seconds: 3 } };
    assert.equal(adviceOf(recordOf(policies)).sentence, 'Use writeback on this disk.');
    const models = recordOf({
      legacy: { seconds: 5, models: [2, 2, 2, 2] },
      writeback: { seconds: 3, models: [1, 1, 1, 1] },
    });
    models.environment.fileSystem.tmpfs = true;
    assert.equal(adviceOf(models).sentence, 'Use writeback on every modelled device.');
  });

  test('one round, traced and slow, settles nothing', () => {
    assert.deepEqual(outcomes(recordOf({ legacy: { seconds: 5 }, writeback: { seconds: 3 } }, 1)), {
      here: 'unsure writeback+legacy',
    });
  });

  test('a record of a device that was replayed on has its time', () => {
    const onDisk = (seconds: number): Partial<Cell> => ({
      device: { kind: 'model', name: 'hdd-7200' },
      rounds: roundsOf(seconds, 1, 0, 1),
    });
    const record = recordOf({ legacy: { change: onDisk(2) }, writeback: { change: onDisk(1) } });
    assert.deepEqual(outcomes(record), { 'hdd-7200': 'best writeback' });
  });
});

test('the verdict that the run recorded decides, whichever of the two is the baseline', () => {
  const record = recordOf({ legacy: { seconds: 3 }, writeback: { seconds: 5 } });
  const interval = { ratio: 1.5, low: 0.9, high: 2.5, confidence: 0.95, pairs: 12 };
  const times = [
    { metric: 'wall', verdict: 'unsure', direction: 'neither', interval, floor: 0.02, control: null, morePairs: 8 },
  ] as const;
  record.comparisons = [{ baseline: 'legacy', candidate: 'writeback', times: [...times] }];
  assert.equal(
    adviceOf(record).sentence,
    'On this disk legacy and writeback cannot be told apart yet (about 8 more rounds will tell).',
  );
});

test('workloads have an advice each, and the headline says where it holds', () => {
  const record = matrixRecord();
  const advice = imageAdvice(record);
  assert.equal(advice.length, 3);
  const sentences = advice.map((one) => one.advice.sentence);
  assert.match(sentences[0]!, /^Use writeback on .*hard disks/);
  assert.match(sentences[1]!, /^Use legacy on hard disks/);
  assert.match(
    adviceSentence(record),
    /^With install, guest flushes: Use writeback .* Other workloads and images differ\.$/,
  );
});

test('images of a sweep have an advice each; the devices of one image share theirs', () => {
  const image = (clusterSizeBytes: number) => ({ ...sampleCell().image, clusterSizeBytes });
  const cellsOf = (cluster: number, legacy: number, writeback: number) =>
    recordOf({ legacy: { models: Array(4).fill(legacy) }, writeback: { models: Array(4).fill(writeback) } }).cells.map(
      (cell): Cell => ({ ...cell, id: `${cell.id}, cluster ${cluster}`, image: image(cluster) }),
    );
  const agreeing = sampleRecord({ cells: [...cellsOf(4096, 2, 1), ...cellsOf(65536, 3, 1)] });
  assert.equal(adviceSentence(agreeing), 'On all 2 image layouts: Use writeback on every modelled device.');
  const other = sampleRecord({ cells: [...cellsOf(4096, 2, 1), ...cellsOf(65536, 1, 3)] });
  assert.deepEqual(
    imageAdvice(other).map(({ advice }) => advice.sentence),
    ['Use writeback on every modelled device.', 'Use legacy on every modelled device.'],
  );
  assert.match(adviceSentence(other), /^With cluster 4\sKiB: Use writeback .* Other image layouts differ\.$/);
});

/** Safe during the workload; a power cut during one of `broken` is not survived. */
function explored(...broken: string[]): Partial<Cell> {
  const operations = ['rewrite', 'discard', 'savevm', 'snapshot', 'resize'].map((operation) => ({
    ...{ operation, onSnapshot: false, ...violated },
    verdict: broken.includes(operation) ? ('violated' as const) : ('survived' as const),
  }));
  return { safety: { workload: { ...violated, verdict: 'survived' }, exploredOperations: '', operations } };
}

test('a winner that a power cut breaks outside this workload is recommended with that risk, and with who survives', () => {
  const models = { legacy: INSTALLATION.legacy, writeback: INSTALLATION.writeback, reserve: [220, 60, 1.5, 45] };
  const risky = { models: models.writeback, change: explored('discard', 'savevm') };
  const careful = { models: models.reserve, change: explored() };
  const { sentence } = adviceOf(recordOf({ legacy: { models: models.legacy }, writeback: risky, reserve: careful }));
  assert.match(sentence, /^Use writeback on .*; reserve on NVMe with power-loss protection\. A power cut /);
  assert.match(sentence, / A power cut during discard or 1 other operation breaks writeback; reserve survives all\.$/);
  const both = adviceOf(recordOf({ writeback: { ...risky, change: explored() }, reserve: careful }));
  assert.doesNotMatch(both.sentence, /breaks/);
});

describe('what two screens of a phone hold beside the table of storages', () => {
  test('risks that several policies share are one clause', () => {
    const { sentence } = adviceOf(
      recordOf({
        a: { models: [1, 2, 2, 2], change: explored('discard') },
        b: { models: [2, 1, 2, 2], change: explored('discard') },
        c: { models: [2, 2, 1, 1], change: explored('savevm', 'resize') },
      }),
    );
    assert.match(
      sentence,
      / A power cut during discard breaks a and b; a power cut during savevm or 1 other operation breaks c\.$/,
    );
  });

  test('many risks are said in fewer words, and the whole stays short whatever a record has', () => {
    const names = ['writethrough', 'writeback', 'modern', 'ordered', 'reserve', 'policy-with-a-name'];
    const operations = ['rewrite', 'discard', 'savevm', 'snapshot', 'resize'];
    const random = seededRandom(14);
    let longest = '';
    for (let draw = 0; draw < 300; draw++) {
      const policies = names.map((name) => {
        const broken = operations.filter(() => random.below(3) === 0);
        const change = random.below(6) === 0 ? lostData : explored(...broken);
        const models = DEVICES.map(() => 1 + random.below(8));
        return [name, { seconds: 1 + random.below(3), noise: 0.5 * random.next(), models, change }] as const;
      });
      const { sentence } = adviceOf(recordOf(Object.fromEntries(policies), 5 + random.below(10)));
      if (sentence.length > longest.length) longest = sentence;
    }
    assert.ok(longest.length <= 560, `${longest.length}: ${longest}`);
    assert.match(longest, / A power cut outside this workload can break .*are slower than modern on some\.$/);
  });
});

describe('a policy that is to cost less than modern and costs more', () => {
  const slower = (policies: Parameters<typeof recordOf>[0]) => {
    const { sentence } = adviceOf(recordOf(policies));
    return sentence.match(/\w+ is slower than modern[^.]*/g) ?? [];
  };

  test('is named with the storages on which it does', () => {
    const models = { modern: { models: [4, 4, 4, 4] }, ordered: { models: [4, 3, 2, 4.01] } };
    assert.deepEqual(slower({ ...models, reserve: { models: [3, 5, 2, 6] } }), [
      'reserve is slower than modern on SATA SSDs and network volumes',
    ]);
    assert.deepEqual(slower({ ...models, reserve: { models: [3, 4, 2, 4.02] } }), []);
  });

  test('on a disk that was measured, only beyond the noise of the run', () => {
    assert.deepEqual(slower({ modern: { seconds: 10 }, reserve: { seconds: 12 } }), [
      'reserve is slower than modern on this disk',
    ]);
    assert.deepEqual(slower({ modern: { seconds: 10 }, reserve: { seconds: 10.02 } }), []);
    assert.deepEqual(slower({ modern: { seconds: 10, noise: 1 }, reserve: { seconds: 11, noise: 1 } }), []);
  });

  test('says nothing of history, nor of a run without modern', () => {
    assert.deepEqual(slower({ modern: { seconds: 10 }, legacy: { seconds: 20 } }), []);
    assert.deepEqual(slower({ writeback: { seconds: 10 }, reserve: { seconds: 20 } }), []);
  });
});
