/** Numbers in words, checked digit by digit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareInWords, counted, formatBytes, formatCount, formatDuration, formatShort } from './quantities.ts';

/** Narrow and no-break spaces made plain, so that the expectations can be read. */
const plain = (text: string) => text.replace(/[\u202f\u00a0]/g, ' ');

test('B20: counts are grouped and exact', () => {
  assert.equal(plain(formatCount(0)), '0');
  assert.equal(plain(formatCount(1234567)), '1 234 567');
  assert.equal(plain(formatCount(2431.14)), '2 431.14');
  assert.equal(plain(counted(1, 'sync')), '1 sync');
  assert.equal(plain(counted(5850, 'sync')), '5 850 syncs');
});

test('bytes and durations take the largest unit that fits', () => {
  assert.equal(plain(formatBytes(512)), '512 B');
  assert.equal(plain(formatBytes(65_536)), '64 KiB');
  assert.equal(plain(formatBytes(1.5 * 1024 ** 3)), '1.5 GiB');
  assert.equal(plain(formatDuration(0)), '0 ns');
  assert.equal(plain(formatDuration(1_250)), '1.25 µs');
  assert.equal(plain(formatDuration(3.3e6)), '3.3 ms');
  assert.equal(plain(formatDuration(119.4e9)), '119 s');
  assert.equal(plain(formatDuration(252e9)), '4 min 12 s');
  assert.equal(plain(formatDuration(7500e9)), '2 h 05 min');
});

test('three significant digits without an exponent', () => {
  assert.equal(formatShort(0.00632), '0.00632');
  assert.equal(formatShort(31.44), '31.4');
  assert.equal(plain(formatShort(5850.4)), '5 850');
});

test('comparisons say which way and by how much, also at the edges', () => {
  const words = (value: number, reference: number) => plain(compareInWords(value, reference, 'syncs'));
  assert.equal(words(37, 5850), '99.4 % fewer syncs than');
  assert.equal(words(118_895, 45_258), '2.63 times as many syncs as');
  assert.equal(words(96, 100), '4 % fewer syncs than');
  assert.equal(words(104, 100), '4 % more syncs than');
  assert.equal(words(7, 7), 'exactly as many syncs as');
  assert.equal(words(0, 7), 'no syncs at all, unlike');
  assert.equal(words(7, 0), '7 syncs against none of');
});
