/** Which files an image may make the tool open: none by itself, and with leave only plain files in allowed folders. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createImage, openFile } from '../../engine/index.ts';
import { ImageSession, type Outcome } from './testing/image-session.ts';

interface Names {
  readonly backingFile?: string;
  readonly backingFormat?: 'raw' | 'qcow2';
  readonly dataFile?: string;
}

function imageNaming(session: ImageSession, name: string, names: Names): void {
  const file = openFile(session.file(name), { create: true });
  createImage(file, { sizeBytes: 1_048_576, ...names });
  file.close();
}

function assertRefused({ code, stdout, stderr }: Outcome, line: RegExp, note: string): void {
  assert.equal(code, 1, note);
  assert.equal(stdout, '', note);
  assert.match(stderr, line, note);
  assert.equal(stderr.trimEnd().split('\n').length, 1, note);
}

const REFUSED: readonly { names: Names; line: RegExp }[] = [
  {
    names: { backingFile: '../outside.raw', backingFormat: 'raw' },
    line: /"\.\.\/outside\.raw" is outside the allowed folders/,
  },
  {
    names: { backingFile: '/etc/passwd', backingFormat: 'raw' },
    line: /"\/etc\/passwd" is outside the allowed folders/,
  },
  { names: { backingFile: 'link.raw', backingFormat: 'raw' }, line: /"link\.raw" is outside the allowed folders/ },
  {
    names: { backingFile: 'nbd:localhost:10809', backingFormat: 'raw' },
    line: /names a protocol, which is never followed/,
  },
  {
    names: { backingFile: 'json:{"driver":"raw"}', backingFormat: 'raw' },
    line: /names a protocol, which is never followed/,
  },
  { names: { backingFile: 'file:disk.raw', backingFormat: 'raw' }, line: /names a protocol, which is never followed/ },
  { names: { backingFile: '/dev/zero', backingFormat: 'raw' }, line: /"\/dev\/zero" is not a regular file/ },
  { names: { backingFile: 'pipe', backingFormat: 'raw' }, line: /pipe" is not a regular file/ },
  { names: { backingFile: '.', backingFormat: 'raw' }, line: /is not a regular file/ },
  { names: { backingFile: 'missing.raw', backingFormat: 'raw' }, line: /missing\.raw": no such file or directory/ },
  {
    names: { backingFile: 'disk.raw' },
    line: /names no format for its backing file; raw and qcow2 can be opened, and nothing is guessed/,
  },
  { names: { backingFile: 'a', backingFormat: 'qcow2' }, line: /"a" creates an infinite loop/ },
  { names: { dataFile: '../outside.raw' }, line: /data file "\.\.\/outside\.raw" is outside the allowed folders/ },
  { names: { dataFile: 'pipe' }, line: /pipe" is not a regular file/ },
];

test('a name in an image leads nowhere that is not allowed', async () => {
  using session = new ImageSession();
  const folder = session.file('images');
  fs.mkdirSync(folder);
  for (const name of ['outside.raw', 'images/disk.raw']) fs.writeFileSync(session.file(name), 'secret');
  fs.symlinkSync('../outside.raw', path.join(folder, 'link.raw'));
  spawnSync('mkfifo', [path.join(folder, 'pipe')]);
  for (const { names, line } of REFUSED) {
    imageNaming(session, 'images/a', names);
    const note = JSON.stringify(names);
    for (const words of [
      ['map'],
      ['convert', '-O', 'qcow2', '@images/a', '@images/copy'],
      ['info', '--backing-chain'],
    ]) {
      const all = words.length > 1 && words[0] === 'convert' ? words : [...words, '@images/a'];
      assertRefused(await session.cowbench(all[0]!, '--allow-backing', ...all.slice(1)), line, note);
      assertRefused(await session.cowbench(...all), /opens it only with --allow-backing or --allow-folder$/m, note);
    }
    // What an image says about itself needs no other file.
    assert.equal((await session.cowbench('info', '--output=json', '@images/a')).code, 0, note);
    assert.equal((await session.cowbench('check', '-q', '@images/a')).code, 0, note);
    assert.equal(fs.existsSync(session.file('images/copy')), false);
  }
  assert.deepEqual(fs.readdirSync(folder).sort(), ['a', 'disk.raw', 'link.raw', 'pipe']);
});

test('allowed folders take the place of the image folder', async () => {
  using session = new ImageSession();
  for (const folder of ['images', 'bases']) fs.mkdirSync(session.file(folder));
  session.rawDisk('bases/base.raw');
  fs.copyFileSync(session.file('bases/base.raw'), session.file('images/base.raw'));
  fs.symlinkSync('bases', session.file('link'));
  imageNaming(session, 'images/over', { backingFile: '../bases/base.raw', backingFormat: 'raw' });
  imageNaming(session, 'images/own', { backingFile: 'base.raw', backingFormat: 'raw' });
  const codes = async (name: string, ...words: string[]) => (await session.cowbench('map', ...words, name)).code;
  assert.equal(await codes('@images/over', `--allow-folder=${session.file('bases')}`), 0);
  assert.equal(await codes('@images/over', '--allow-folder', session.file('link')), 0);
  assert.equal(await codes('@images/over', '--allow-backing'), 1);
  assert.equal(await codes('@images/own', '--allow-backing'), 0);
  assert.equal(await codes('@images/own', `--allow-folder=${session.file('bases')}`), 1);
  const { stderr } = await session.cowbench('map', `--allow-folder=${session.file('nowhere')}`, '@images/own');
  assert.match(stderr, /^--allow-folder ".*nowhere": there is no such folder\n$/);
});

test('chains that loop or go too deep are refused', async () => {
  using session = new ImageSession();
  imageNaming(session, 'a', { backingFile: 'b', backingFormat: 'qcow2' });
  imageNaming(session, 'b', { backingFile: 'a', backingFormat: 'qcow2' });
  assertRefused(await session.cowbench('map', '--allow-backing', '@a'), /"a" creates an infinite loop$/m, 'loop');
  for (let depth = 0; depth < 70; depth++)
    imageNaming(session, `d${depth}`, { backingFile: `d${depth + 1}`, backingFormat: 'qcow2' });
  imageNaming(session, 'd70', {});
  assertRefused(await session.cowbench('map', '--allow-backing', '@d0'), /the limit is 64$/m, 'deep');
  assert.equal((await session.cowbench('map', '--allow-backing', '@d8')).code, 0);
});

test('a qcow2 header inside a raw backing file is content', async () => {
  using session = new ImageSession();
  imageNaming(session, 'inner', { backingFile: '/etc/passwd', backingFormat: 'raw' });
  imageNaming(session, 'outer', { backingFile: 'inner', backingFormat: 'raw' });
  await session.done('convert', '--allow-backing', '@outer', '@copy.raw');
  const inner = fs.readFileSync(session.file('inner'));
  assert.ok(fs.readFileSync(session.file('copy.raw')).subarray(0, inner.length).equals(inner));
});

test('names cannot steer the terminal', async () => {
  using session = new ImageSession();
  const hostile = 'a\n\u001b[2J\u009b31m\u202egpj.raw';
  imageNaming(session, 'a', { backingFile: hostile, backingFormat: 'raw' });
  await session.done('snapshot', '-c', hostile, '@a');
  const outputs = await Promise.all([
    session.cowbench('info', '@a'),
    session.cowbench('info', '--output=json', '@a'),
    session.cowbench('snapshot', '-l', '@a'),
    session.cowbench('map', '@a'),
    session.cowbench('convert', '-f', 'qcow2', '-l', 'no', '@a', '@b'),
    session.cowbench('snapshot', '-d', 'no', '@a'),
  ]);
  for (const { stdout, stderr } of outputs)
    assert.doesNotMatch((stdout + stderr).replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  assert.match(outputs[0]!.stdout, /backing file: a\\x0a\\x1b\[2J\\x9b31m\\u\{202e\}gpj\.raw/);
  assert.equal(JSON.parse(outputs[1]!.stdout)['backing-filename'], hostile);
});
