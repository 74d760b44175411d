/** A server whose file system is full: clients get ENOSPC, nothing acknowledged is lost, and it continues once there is space. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createImage, MiB, openFile } from '../../engine/index.ts';
import { temporaryFolder } from '../testing/command.ts';
import { fill, NO_MOUNT, onSmallTmpfs } from '../testing/small-tmpfs.ts';
import { assertClean, client, RunningServer, without } from './testing/running-server.ts';

test('a full disk is an error of the request that needs the space', {
  skip: without('qemu-io', 'qemu-img'),
}, async (context) => {
  const folder = temporaryFolder();
  try {
    const done = await onSmallTmpfs(folder, 'size=16M', async (mountPoint) => {
      const imagePath = path.join(mountPoint, 'disk.qcow2');
      const file = openFile(imagePath, { create: true });
      createImage(file, { sizeBytes: 64 * MiB });
      file.close();
      const server = new RunningServer(folder, [imagePath]);
      try {
        const [uri] = await server.uris();
        const io = (...commands: string[]) => [
          '-f',
          'raw',
          '-t',
          'writeback',
          ...commands.flatMap((c) => ['-c', c]),
          uri!,
        ];
        client('qemu-io', ...io('write -P 1 0 1M', 'flush'));
        const filler = fill(mountPoint);
        const full = spawnSync('qemu-io', io('write -P 2 8M 8M'), { encoding: 'utf8' });
        assert.match(full.stdout + full.stderr, /write failed: No space left on device/);
        assert.doesNotMatch(client('qemu-io', ...io('read -P 1 0 1M')), /verification failed/);
        fs.rmSync(filler);
        assert.doesNotMatch(
          client('qemu-io', ...io('write -P 3 16M 1M', 'flush', 'read -P 3 16M 1M')),
          /verification failed/,
        );
        await server.stop();
      } finally {
        await server.kill();
      }
      assertClean(imagePath);
      return true;
    });
    if (done === null) context.skip(NO_MOUNT);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
