/** Programs between a client and `cowbench serve`: filters of nbdkit, and nbdfuse, on whose file a file system is made. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { MiB } from '../../engine/index.ts';
import { assertClean, client, without, withServer } from './testing/running-server.ts';

test(
  'filters of nbdkit: requests cut small, made durable one by one, and content that is compared by another program',
  {
    skip: without('nbdkit', 'nbdcopy'),
  },
  () =>
    withServer({ sizeBytes: 16 * MiB, words: () => ['--stats'] }, async (uri, server, imagePath) => {
      const source = path.join(server.folder, 'source.raw');
      fs.writeFileSync(source, Buffer.alloc(3 * MiB, 'every byte counts '));
      fs.truncateSync(source, 16 * MiB);
      const copy = ['--run', `nbdcopy '${source}' "$uri"`];
      const upstream = ['nbd', `uri=${uri}`];
      client(
        'nbdkit',
        '-U',
        '-',
        '--filter=blocksize',
        '--filter=fua',
        ...upstream,
        'maxdata=64k',
        'fuamode=force',
        ...copy,
      );
      client('nbdkit', '-U', '-', '--filter=checkwrite', ...upstream, ...copy);
      const { exact, durableRequests } = (await server.stop())!;
      assert.ok(exact.guest.writes >= 48 && durableRequests >= 48, JSON.stringify(exact.guest));
      assertClean(imagePath);
    }),
);

const noFuse = fs.existsSync('/dev/fuse') ? false : 'NOT TESTED: this needs /dev/fuse';

test('nbdfuse: ext4 on a file of the image', { skip: noFuse || without('nbdfuse', 'fusermount3', 'mkfs.ext4') }, () =>
  withServer({ sizeBytes: 64 * MiB }, async (uri, server, imagePath) => {
    const mountpoint = path.join(server.folder, 'mnt');
    const disk = path.join(mountpoint, 'disk');
    const content = path.join(server.folder, 'content');
    fs.mkdirSync(mountpoint);
    fs.writeFileSync(content, Buffer.alloc(MiB, 'a file on ext4 on nbdfuse on qcow2 '));
    const bridge = spawn('nbdfuse', [disk, uri], { stdio: 'ignore' });
    const ended = once(bridge, 'exit');
    try {
      for (let tries = 0; !fs.existsSync(disk) && tries < 500; tries++) await wait(20);
      client('mkfs.ext4', '-q', '-F', disk);
      client('debugfs', '-w', '-R', `write ${content} content`, disk);
      client('e2fsck', '-fn', disk);
    } finally {
      client('fusermount3', '-u', mountpoint);
      await ended;
    }
    await server.stop();
    assertClean(imagePath);
    const raw = path.join(server.folder, 'raw');
    client('qemu-img', 'convert', '-O', 'raw', imagePath, raw);
    client('e2fsck', '-fn', raw);
    const copy = path.join(server.folder, 'copy');
    client('debugfs', '-R', `dump content ${copy}`, raw);
    assert.ok(fs.readFileSync(copy).equals(fs.readFileSync(content)));
  }),
);
