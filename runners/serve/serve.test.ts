/** The command itself: exports and their names, snapshots, read-only images, raw disks, the end, and wrong use. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createImage, MiB, openFile, openImageFile } from '../../engine/index.ts';
import { cowbench, filesBelow, temporaryFolder } from '../testing/command.ts';
import { client, RunningServer, without, withServer } from './testing/running-server.ts';

const skip = without('nbdinfo', 'qemu-io', 'qemu-img');

/** A folder with `one.qcow2` (bytes 1, a snapshot `before` of bytes 9), `two.qcow2` (bytes 2) and `plain.raw`. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    for (const [name, byte] of [
      ['one', 9],
      ['two', 2],
    ] as const) {
      const imagePath = path.join(folder, `${name}.qcow2`);
      const file = openFile(imagePath, { create: true });
      createImage(file, { sizeBytes: MiB });
      file.close();
      const image = openImageFile(imagePath);
      image.write(0, new Uint8Array(65_536).fill(byte));
      if (name === 'one') {
        image.createSnapshot({ name: 'before' });
        image.write(0, new Uint8Array(65_536).fill(1));
      }
      image.close();
    }
    fs.writeFileSync(path.join(folder, 'plain.raw'), new Uint8Array(MiB).fill(7));
    await work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function reads(uri: string, byte: number): void {
  assert.doesNotMatch(client('qemu-io', '-r', '-f', 'raw', '-c', `read -P ${byte} 0 64k`, uri), /verification failed/);
}

test('several images, each under its name, and their snapshots beside them, while they are written', { skip }, () =>
  inFolder(async (folder) => {
    const [one, two] = ['one', 'two'].map((name) => path.join(folder, `${name}.qcow2`));
    const server = new RunningServer(folder, [`first disk=${one}`, two!, '--snapshots']);
    const uris = await server.uris();
    assert.deepEqual(
      uris.map((uri) => decodeURIComponent(new URL(uri).pathname)),
      ['/', '/first disk@before', '/two.qcow2'],
    );
    reads(uris[0]!, 1);
    client('qemu-io', '-f', 'raw', '-c', 'write -P 5 0 64k', '-c', 'flush', uris[0]!);
    reads(uris[1]!, 9);
    reads(uris[2]!, 2);
    const info = JSON.parse(client('nbdinfo', '--list', '--json', uris[0]!)).exports;
    assert.deepEqual(
      info.map((one: Record<string, unknown>) => [one['export-name'], one.is_read_only]),
      [
        ['first disk', false],
        ['first disk@before', true],
        ['two.qcow2', false],
      ],
    );
    await server.stop();
    assert.ok(!fs.existsSync(path.join(folder, 'socket')), 'the socket is gone');
    const image = openImageFile(one!, { readOnly: true });
    const found = new Uint8Array(65_536);
    image.read(0, found);
    image.close();
    assert.ok(found.every((byte) => byte === 5));
  }),
);

test('read-only, and a raw disk that is said to be one', { skip }, () =>
  inFolder(async (folder) => {
    const plain = path.join(folder, 'plain.raw');
    const server = new RunningServer(folder, [plain, '-f', 'raw', '--read-only']);
    const [uri] = await server.uris();
    reads(uri!, 7);
    assert.equal(JSON.parse(client('nbdinfo', '--json', uri!)).exports[0].is_read_only, true);
    await server.stop();
    const writable = new RunningServer(folder, [plain, '-f', 'raw']);
    client('qemu-io', '-f', 'raw', '-c', 'write -P 8 1000 1000', '-c', 'flush', (await writable.uris())[0]!);
    await writable.stop();
    const bytes = fs.readFileSync(plain);
    assert.deepEqual([bytes.length, bytes[999], bytes[1000], bytes[1999], bytes[2000]], [MiB, 7, 8, 8, 7]);
  }),
);

test('TCP, on loopback and any free port', { skip }, () =>
  inFolder(async (folder) => {
    const server = new RunningServer(folder, [path.join(folder, 'two.qcow2')], ['--port', '0']);
    const [uri] = await server.uris();
    assert.match(uri!, /^nbd:\/\/127\.0\.0\.1:\d+\/$/);
    reads(uri!, 2);
    await server.stop();
  }),
);

test('SIGTERM answers what was asked, writes out and leaves a clean image', { skip }, () =>
  withServer(
    { sizeBytes: 64 * MiB, words: () => ['--stats', '--policy', 'writeback'] },
    async (uri, server, imagePath) => {
      client('qemu-io', '-f', 'raw', '-t', 'unsafe', '-c', 'write -P 3 0 4M', uri);
      const stats = (await server.stop())!;
      assert.equal(stats.exact.guest.writeBytes, 4 * MiB);
      assert.equal(stats.image, imagePath);
      client('qemu-img', 'check', '-q', imagePath);
      assert.doesNotMatch(client('qemu-io', '-r', '-c', 'read -P 3 0 4M', imagePath), /verification failed/);
    },
  ),
);

test('wrong use is one line and exit code 2, and leaves nothing', () =>
  inFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    const before = filesBelow(folder);
    const socket = ['--socket', at('s')];
    const wrong: readonly [readonly string[], RegExp][] = [
      [[at('one.qcow2')], /one of --socket and --port/],
      [[at('one.qcow2'), ...socket, '--port', '1'], /one of --socket and --port/],
      [[at('missing.qcow2'), ...socket], /missing\.qcow2.*no such file/],
      [[at('plain.raw'), ...socket], /plain\.raw is no qcow2 image; -f raw/],
      [[at('one.qcow2'), '--port', '0', '--host', '0.0.0.0'], /expected a loopback address/],
      [[at('one.qcow2'), '--port', '70000'], /--port "70000"/],
      [[at('one.qcow2'), '--socket', at('plain.raw')], /there is a file of that name/],
      [[at('one.qcow2'), '--socket', at('no/such/folder')], /cannot listen there/],
      [[`x=${at('one.qcow2')}`, `x=${at('two.qcow2')}`, ...socket], /two exports are named "x"/],
      [[at('one.qcow2'), ...socket, '--policy', 'none'], /policy/],
      [[at('one.qcow2'), ...socket, '--record', at('plain.raw')], /there is a file of that name/],
      [[at('one.qcow2'), ...socket, '--snapshots', '--record', at('r')], /--record takes one image/],
      [[at('one.qcow2'), ...socket, '--max-connections', '0'], /--max-connections/],
      [[at('one.qcow2'), ...socket, '--stats', 'often'], /--stats/],
    ];
    const outcomes = await Promise.all(wrong.map(([words]) => cowbench('serve', '--read-only', ...words)));
    for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
      const note = wrong[index]![0].join(' ');
      assert.equal(code, 2, `${note}: ${stderr}`);
      assert.equal(stdout, '', note);
      assert.match(stderr, wrong[index]![1], note);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    }
    assert.deepEqual(filesBelow(folder), before);
  }));

test('a socket that is in use is refused; one that a killed server left is taken', { skip }, () =>
  inFolder(async (folder) => {
    const words = [path.join(folder, 'two.qcow2'), '--read-only'];
    const first = new RunningServer(folder, words);
    const [uri] = await first.uris();
    const second = await cowbench('serve', ...words, '--socket', path.join(folder, 'socket'));
    assert.equal(second.code, 2);
    assert.match(second.stderr, /another server listens there/);
    reads(uri!, 2);
    await first.kill();
    assert.ok(fs.existsSync(path.join(folder, 'socket')));
    const third = new RunningServer(folder, words);
    reads((await third.uris())[0]!, 2);
    await third.stop();
  }),
);

test('snapshots of the same name are two exports', { skip }, () =>
  inFolder(async (folder) => {
    const imagePath = path.join(folder, 'one.qcow2');
    client('qemu-img', 'snapshot', '-c', 'before', imagePath);
    const server = new RunningServer(folder, [imagePath, '--snapshots']);
    const uris = await server.uris();
    const names = uris.map((uri) => decodeURIComponent(new URL(uri).pathname));
    assert.deepEqual(names, ['/', '/one.qcow2@before', '/one.qcow2@before#2']);
    reads(uris[1]!, 9);
    reads(uris[2]!, 1);
    await server.stop();
  }),
);

test('an image that is served is in use: for a second server, and for QEMU', { skip }, () =>
  inFolder(async (folder) => {
    const one = path.join(folder, 'one.qcow2');
    const server = new RunningServer(folder, [one, '--snapshots']);
    const [uri] = await server.uris();
    for (const words of [[one], [one, '--read-only'], [`a=${one}`, `b=${one}`]]) {
      const { code, stderr } = await cowbench('serve', ...words, '--socket', path.join(folder, 'other'));
      assert.equal(code, 2, words.join(' '));
      assert.match(stderr, /one\.qcow2 is in use: another process has it open/);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    }
    const writes = spawnSync('qemu-io', ['-f', 'qcow2', '-c', 'write 0 512', one], { encoding: 'utf8' });
    assert.match(writes.stderr, /Failed to get .* lock/);
    reads(uri!, 1);
    await server.stop();
    assert.deepEqual(filesBelow(folder), ['one.qcow2', 'plain.raw', 'two.qcow2']);
  }),
);

test('one server does not open an image twice for writing', { skip }, () =>
  inFolder(async (folder) => {
    const two = path.join(folder, 'two.qcow2');
    const { code, stderr } = await cowbench('serve', `a=${two}`, `b=${two}`, '--socket', path.join(folder, 'socket'));
    assert.equal(code, 2);
    assert.match(stderr, /two\.qcow2 is in use/);
    assert.deepEqual(filesBelow(folder), ['one.qcow2', 'plain.raw', 'two.qcow2']);
  }),
);
