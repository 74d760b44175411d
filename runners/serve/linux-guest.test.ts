/** A Linux guest boots from `cowbench serve` under emulation and works there: the commands of `docs/measuring-others.md`, as they stand there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { CLI, startProgram, temporaryFolder } from '../testing/command.ts';
import type { ServerStats } from './server-stats.ts';
import { assertClean, client, without } from './testing/running-server.ts';

const PAGE = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/measuring-others.md'), 'utf8');
const [, SCRIPT] = /^```sh guest\n([^`]*)```$/m.exec(PAGE)!;
const FILES = 8;

/** Neither a kernel nor the emulator is everywhere, not even where every other program must be. */
function withoutGuest(): string | false {
  if (process.arch !== 'x64') return 'NOT TESTED: the guest is one for x86-64';
  const { GUEST_KERNEL, GUEST_BUSYBOX = 'busybox' } = process.env;
  const kernels = GUEST_KERNEL === undefined ? fs.globSync('/boot/vmlinuz-*') : [GUEST_KERNEL];
  const missing = [
    ...(kernels.some(isReadable) ? [] : ['a Linux kernel in /boot or named by GUEST_KERNEL']),
    ...(spawnSync(GUEST_BUSYBOX, ['true']).error === undefined
      ? []
      : ['busybox-static, or one named by GUEST_BUSYBOX']),
    ...(spawnSync('qemu-system-x86_64', ['--version']).error === undefined ? [] : ['qemu-system-x86']),
  ];
  return missing.length > 0 && `NOT TESTED: this needs ${missing.join(' and ')}`;
}

function isReadable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** What the guest writes into file `number`: `seq number 3 30000`. */
function written(number: number): Buffer {
  let text = '';
  for (let value = number; value <= 30_000; value += 3) text += `${value}\n`;
  return Buffer.from(text);
}

test('a Linux guest boots from a served image, writes, syncs, deletes and trims, and the image has what it wrote', {
  skip: withoutGuest() || without('nbdcopy', 'qemu-img'),
}, async () => {
  const folder = temporaryFolder();
  try {
    fs.writeFileSync(path.join(folder, 'cowbench'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, {
      mode: 0o755,
    });
    fs.symlinkSync(path.join(PROJECT_ROOT, 'workloads'), path.join(folder, 'workloads'));
    const env = { ...process.env, FILES: String(FILES), PATH: `${folder}:${process.env.PATH}:/usr/sbin:/sbin` };
    const { code, stdout, stderr } = await startProgram('sh', ['-ec', `cd '${folder}'\n${SCRIPT}`], env).finished;
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^guest: done$/m);
    assertClean(path.join(folder, 'guest.qcow2'));

    // 64 MiB with 100 KiB of text in it: holes stayed holes.
    const raw = path.join(folder, 'guest.raw');
    const read = (name: string) => client('/sbin/debugfs', '-R', `cat /data/${name}`, raw);
    const expected = Array.from({ length: FILES + 1 }, (_, number) => written(number));
    // The guest put the start of the second over that of the third.
    expected[2]!.copy(expected[3]!, 0, 0, 4 * 4096);
    for (let number = 2; number <= FILES; number++)
      assert.equal(read(`file${number}`), String(expected[number]), `file${number}`);
    assert.equal(read('file1'), '');
    assert.equal(fs.readFileSync(path.join(folder, 'file5'), 'utf8'), String(expected[5]));

    const stats = JSON.parse(fs.readFileSync(path.join(folder, 'stats.txt'), 'utf8').trim().split('\n').at(-1)!);
    const { exact, durableRequests, flushes } = stats as ServerStats;
    assert.ok(
      exact.fsyncs - 1 <= durableRequests * 1.25,
      `${exact.fsyncs} syncs, one to close, for ${durableRequests}`,
    );
    assert.ok(exact.guest.discards > 0 && exact.guest.reads > 0, 'it trimmed and booted');
    assert.ok(durableRequests > FILES && flushes <= durableRequests, `${flushes} for ${durableRequests}`);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
