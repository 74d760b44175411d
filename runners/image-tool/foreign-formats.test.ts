/** Containers of other programs: named and refused, never taken for a raw disk unless that is insisted on. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

/** What qemu-img makes: its options, and what the file must be called. */
const MADE: readonly { readonly words: readonly string[]; readonly name: RegExp }[] = [
  { words: ['-f', 'vmdk'], name: /is a VMDK image/ },
  { words: ['-f', 'vmdk', '-o', 'subformat=streamOptimized'], name: /is a VMDK image/ },
  { words: ['-f', 'vmdk', '-o', 'subformat=monolithicFlat'], name: /is a VMDK descriptor image/ },
  { words: ['-f', 'vdi'], name: /is a VDI image/ },
  { words: ['-f', 'vhdx'], name: /is a VHDX image/ },
  { words: ['-f', 'vpc'], name: /is a VHD image/ },
  { words: ['-f', 'vpc', '-o', 'subformat=fixed,force_size'], name: /is a VHD \(fixed size\) image/ },
  { words: ['-f', 'qed'], name: /is a QED image/ },
  { words: ['-f', 'parallels'], name: /is a Parallels image/ },
  { words: ['-f', 'qcow'], name: /is a qcow \(version 1\) image/ },
];

/** What it cannot make here: the bytes that tell, and where they are in 64 KiB. */
const WRITTEN: readonly { readonly text: string; readonly at: number; readonly name: RegExp }[] = [
  { text: 'LUKS\xba\xbe\0\x01', at: 0, name: /is a LUKS image/ },
  { text: 'COWD', at: 0, name: /is a VMDK \(version 3\) image/ },
  { text: 'WithoutFreeSpace', at: 0, name: /is a Parallels image/ },
  { text: '#a comment\r\n\n# another\nversion=1\nCID=ffffffff\n', at: 0, name: /is a VMDK descriptor image/ },
  { text: 'Bochs Virtual HD Image', at: 0, name: /is a Bochs image/ },
  { text: '#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=x', at: 0, name: /is a cloop image/ },
  { text: 'koly', at: 65_536 - 512, name: /is a DMG image/ },
];

/** Commands that look at what a file is; `@x` is the container. */
const COMMANDS: readonly (readonly string[])[] = [
  ['info', '@x'],
  ['check', '-r', 'all', '@x'],
  ['map', '@x'],
  ['convert', '@x', '@new'],
  ['convert', '@good', '@x', '@new'],
  ['compare', '@good', '@x'],
  ['compare', '@x', '@good'],
  ['dd', 'if=@x', 'of=@new'],
  ['resize', '@x', '+1M'],
  ['snapshot', '-l', '@x'],
  ['measure', '-O', 'qcow2', '@x'],
  ['rebase', '-u', '-b', '', '@x'],
  ['commit', '@x'],
  ['bitmap', '--add', '@x', 'b'],
  ['bench', '-c', '1', '@x'],
  ['amend', '-o', 'size=9M', '@x'],
];

async function assertNamed(session: ImageSession, name: RegExp): Promise<void> {
  const before = fs.readFileSync(session.file('x'));
  for (const words of COMMANDS) {
    const { code, stdout, stderr } = await session.cowbench(...words);
    const note = `${name.source}: ${words.join(' ')}`;
    assert.deepEqual([code, stdout], [words[0] === 'compare' ? 2 : 1, ''], note);
    assert.match(stderr, name, note);
    assert.match(stderr, /-f raw\n$/, note);
  }
  assert.ok(fs.readFileSync(session.file('x')).equals(before), name.source);
  assert.ok(!fs.existsSync(session.file('new')), name.source);
  const insisted = await session.cowbench('convert', '-f', 'raw', '-O', 'raw', '@x', '@new');
  assert.deepEqual([insisted.code, insisted.stderr], [0, ''], name.source);
  assert.ok(fs.readFileSync(session.file('new')).subarray(0, before.length).equals(before), name.source);
  fs.rmSync(session.file('new'));
}

test('a container of another program is named and refused, and -f raw insists', async () => {
  using session = new ImageSession();
  session.rawDisk('good', 2);
  for (const { words, name } of MADE) {
    session.qemuDone('create', '-q', ...words, '@x', '1M');
    await assertNamed(session, name);
  }
  for (const { text, at, name } of WRITTEN) {
    const bytes = Buffer.alloc(65_536);
    bytes.write(text, at, 'latin1');
    fs.writeFileSync(session.file('x'), bytes);
    await assertNamed(session, name);
  }
});

test('a container as a raw backing file is named wherever it is opened as one', async () => {
  using session = new ImageSession();
  session.qemuDone('create', '-q', '-f', 'vmdk', '@x', '1M');
  session.rawDisk('good', 2);
  const line =
    /^cowbench: warning: .*x is a VMDK image; as a raw backing file its own bytes show, not the disk in it\n/;
  const made = await session.cowbench('create', '-f', 'qcow2', '-b', 'x', '-F', 'raw', '@over');
  assert.match(made.stderr, line);
  const base = ['-O', 'qcow2', '-B', 'x', '-F', 'raw'];
  assert.match((await session.cowbench('convert', ...base, '@good', '@copy')).stderr, line);
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'over', '-F', 'qcow2', '@top');
  for (const words of [
    ['map', '@top'],
    ['compare', '@over', '@good'],
    ['convert', '-O', 'raw', '@top', '@flat'],
    ['resize', '@over', '2M'],
  ])
    assert.match(
      (await session.cowbench(words[0]!, '--allow-backing', ...words.slice(1))).stderr,
      line,
      words.join(' '),
    );
  // A header that names the format is not insisting: it is refused by that name.
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'x', '-F', 'vmdk', '@named');
  const { code, stderr } = await session.cowbench('map', '--allow-backing', '@named');
  assert.equal(code, 1);
  assert.match(stderr, /names format "vmdk" for its backing file; raw and qcow2 can be opened/);
});

test('an encrypted image is refused by the name of its encryption', async () => {
  using session = new ImageSession();
  for (const [method, name] of [
    [1, 'AES'],
    [2, 'LUKS'],
  ] as const) {
    session.qemuDone('create', '-q', '-f', 'qcow2', '@a', '1M');
    const bytes = fs.readFileSync(session.file('a'));
    bytes.writeUInt32BE(method, 32);
    fs.writeFileSync(session.file('a'), bytes);
    const { code, stderr } = await session.cowbench('convert', '@a', '@b');
    assert.deepEqual([code, stderr.includes(`encrypted (${name})`)], [1, true], stderr);
  }
});
