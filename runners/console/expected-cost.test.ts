import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costLine, diskWords, lengthText, sharedMs, spaceText } from './expected-cost.ts';

test('a length in words', () => {
  const texts = [0, 850, 90_000, 600_000, 7_200_000, 11_100_000, 19 * 86_400_000 + 4 * 3_600_000].map(lengthText);
  assert.deepEqual(texts, ['0 ms', '850 ms', '90 s', '10 min', '2 h', '3 h 5 min', '19 days 4 h']);
});

test('a size in words', () => {
  const texts = [0, 1, 512_000, 16 * 1024 ** 2, 1.5 * 1024 ** 3].map(spaceText);
  assert.deepEqual(texts, ['0 KiB', '1 KiB', '500 KiB', '16 MiB', '1.5 GiB']);
});

test('parts are shared by threads, but one part by one only', () => {
  assert.deepEqual([sharedMs(100, 20, 4), sharedMs(1, 20, 4), sharedMs(0, 20, 4)], [500, 20, 0]);
});

test('one line says the time and what it is made of, or that it is not known, and the disk', () => {
  const disk = diskWords(2 ** 20, '/images');
  assert.equal(
    costLine({ ms: 90_000, work: '10 parts', disk }),
    'expected: about 90 s (10 parts); up to 1 MiB in /images',
  );
  assert.equal(costLine({ ms: null, work: '10 parts', disk }), 'expected: 10 parts; up to 1 MiB in /images');
});
