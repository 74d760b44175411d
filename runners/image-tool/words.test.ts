/** Words, sizes and options as users of qemu-img write them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asksForHelp, CREATE_OPTIONS, parseFormatOptions } from './format-options.ts';
import { plainWords } from './option-words.ts';
import { printable, printableJson } from './printable.ts';
import { LineProgress, progressText } from './progress.ts';
import { parseNewSize, parseSize, readableSize } from './sizes.ts';
import { SUBCOMMANDS } from './subcommands.ts';

function plain(name: string, ...words: string[]): string[] {
  return plainWords(SUBCOMMANDS.find((candidate) => candidate.name === name)!, words);
}

test('getopt words become words that can be read in one way', () => {
  assert.deepEqual(plain('convert', '-pqOqcow2', '-fraw', 'a', 'b'), [
    '--progress',
    '--quiet',
    '--output-format=qcow2',
    '--format=raw',
    'a',
    'b',
  ]);
  assert.deepEqual(plain('convert', '-o', '-x', 'a', '-c', 'b'), ['--options=-x', 'a', '--compress', 'b']);
  assert.deepEqual(plain('convert', '-n', 'a', 'b'), ['--existing', 'a', 'b']);
  assert.deepEqual(plain('snapshot', '-c', 'name', 'a'), ['--create=name', 'a']);
  assert.deepEqual(plain('snapshot', '-l', 'a'), ['--list', 'a']);
  assert.deepEqual(plain('resize', 'a', '-1G'), ['a', '--size=-1G']);
  assert.deepEqual(plain('resize', '--shrink', 'a', '--', '-1G'), ['--shrink', 'a', '--size=-1G']);
  assert.deepEqual(plain('info', '--', '-f'), ['./-f']);
  assert.deepEqual(plain('info', '--output', 'json', 'a'), ['--output=json', 'a']);
  assert.deepEqual(plain('bench', '--no-drain', '-wc', '5', 'a'), ['--no-drain', '--write', '--count=5', 'a']);
  assert.throws(() => plain('bench', '--no-write', 'a'), /unknown option --no-write/);
  assert.throws(() => plain('bench', '--no-drain=1', 'a'), /unknown option --no-drain/);
  assert.throws(() => plain('resize', '-1G', 'a'), /unknown option -1/);
  assert.throws(() => plain('info', '--backing-chain=yes', 'a'), /--backing-chain takes no value/);
});

test('no option name begins with no-, which yargs would read as its negation', () => {
  for (const { name, options } of SUBCOMMANDS)
    for (const option of Object.keys(options)) assert.ok(!option.startsWith('no-'), `${name} --${option}`);
});

test('sizes', () => {
  const sizes = {
    '0': 0,
    '512': 512,
    '512b': 512,
    '10k': 10240,
    '10K': 10240,
    '1.5M': 1572864,
    '2G': 2 ** 31,
    '1T': 2 ** 40,
    '0x10': 16,
    '0xFFFFFFFF': 2 ** 32 - 1,
    '0X1E': 30,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseSize('size', text), bytes, text);
  for (const text of [
    '',
    '-1',
    '1.5',
    '1x',
    '0x',
    '0x1k',
    '0x1.8',
    '0x20000000000001',
    '1GiB',
    '1 G',
    'G',
    '8P',
    '9E',
    '1e3',
    ' 1M',
    '+1M',
    '1.k',
    '.5k',
  ])
    assert.throws(() => parseSize('size', text), /^UsageError: size "/, text);
  assert.equal(parseNewSize('size', '+1k', 4096), 5120);
  assert.equal(parseNewSize('size', '-1k', 4096), 3072);
  assert.equal(parseNewSize('size', '1000', 4096), 1000);
  assert.throws(() => parseNewSize('size', '-1M', 4096), /the disk has only 4096 bytes/);
  assert.deepEqual([0, 512, 999, 1000, 1536, 200_704, 10 * 2 ** 30].map(readableSize), [
    '0 B',
    '512 B',
    '999 B',
    '0.977 KiB',
    '1.5 KiB',
    '196 KiB',
    '10 GiB',
  ]);
});

test('format options', () => {
  const known = CREATE_OPTIONS.qcow2;
  const parsed = (...texts: string[]) => Object.fromEntries(parseFormatOptions(texts, known));
  assert.deepEqual(parsed('size=1M,lazy_refcounts', 'backing_file=a,,b=c'), {
    size: '1M',
    lazy_refcounts: 'on',
    backing_file: 'a,b=c',
  });
  assert.deepEqual(parsed('backing_file=,size=1'), { backing_file: '', size: '1' });
  assert.deepEqual(parsed('size=1,size=2', 'size=3'), { size: '3' });
  assert.equal(asksForHelp(['backing_file=a,,help']), false);
  assert.equal(asksForHelp(['backing_file=a,,b,help']), true);
  assert.throws(() => parsed('toString=1'), /unknown -o option "toString"/);
});

test('what could steer a terminal is escaped', () => {
  assert.equal(printable('a\u001b[1m\u0085\u202e\ud800\\é\u{1F4BF}'), 'a\\x1b[1m\\x85\\u{202e}\\u{d800}\\é\u{1F4BF}');
  const value = { name: 'a\n\u009b\u202e\u{1F4BF}' };
  assert.deepEqual(JSON.parse(printableJson(value)), value);
  assert.doesNotMatch(printableJson(value).replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
});

test('progress is told as a share and the time left', () => {
  assert.equal(progressText(0, 2 ** 30, 1000), '0 B of 1 GiB (0 %)');
  assert.equal(progressText(2 ** 28, 2 ** 30, 10_000), '256 MiB of 1 GiB (25 %), 0:30 left');
  assert.equal(progressText(0, 0, 0), '0 B of 0 B (100 %)');
  const lines: string[] = [];
  const progress = new LineProgress((line) => lines.push(line));
  progress.start(1024);
  progress.update(512);
  progress.update(1024);
  assert.deepEqual(lines, ['1 KiB of 1 KiB (100 %)'], 'between, only every few seconds');
});
