/** The command itself, as a process: Ctrl-C, exit codes, progress and help. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { cowbench, startCowbench } from '../testing/command.ts';
import { ImageSession } from './testing/image-session.ts';

/** Resolves as soon as a file under a temporary name has grown: the copy is on its way. */
async function untilCopying(folder: string): Promise<void> {
  for (;;) {
    const temporary = fs.readdirSync(folder).find((name) => name.endsWith('.tmp'));
    if (temporary !== undefined && fs.statSync(`${folder}/${temporary}`).blocks > 0) return;
    await delay(5);
  }
}

test('Ctrl-C ends a copy in order: no half file, and what was there is as it was', async () => {
  using session = new ImageSession();
  fs.writeFileSync(session.file('source'), '');
  // With -S 0 all of it would be written: more than this could do before the signal.
  fs.truncateSync(session.file('source'), 2 ** 40);
  fs.writeFileSync(session.file('target'), 'precious');
  for (const words of [
    ['convert', '-p', '-S', '0', '-O', 'raw', session.file('source'), session.file('target')],
    ['create', '-f', 'raw', '-o', 'preallocation=full', session.file('target'), '1T'],
  ]) {
    const { process: child, finished } = startCowbench(['image', ...words]);
    await untilCopying(session.folder);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await finished;
    assert.deepEqual([code, stdout], [130, ''], stderr);
    assert.match(stderr, /cowbench: interrupted; nothing was changed\n$/);
    assert.deepEqual(fs.readdirSync(session.folder).sort(), ['source', 'target']);
    assert.equal(fs.readFileSync(session.file('target'), 'utf8'), 'precious');
  }
});

test('exit codes, progress and help of the command line', async () => {
  using session = new ImageSession();
  session.rawDisk('a');
  const [copied, unchecked, wrong, help] = await Promise.all([
    cowbench('image', 'convert', '-pOqcow2', session.file('a'), session.file('b')),
    cowbench('image', 'check', session.file('a')),
    cowbench('image', 'compare', '--nothing'),
    cowbench('image', '--help'),
  ]);
  assert.deepEqual(copied, { code: 0, stdout: '', stderr: '3 MiB of 3 MiB (100 %)\n' });
  assert.equal(session.qemu('compare', '@a', '@b').code, 0);
  assert.equal(unchecked.code, 63);
  assert.deepEqual([wrong.code, wrong.stderr.split('\n').length], [2, 2]);
  for (const name of ['create', 'info', 'check', 'map', 'snapshot', 'convert', 'compare', 'resize', 'amend', 'dd'])
    assert.match(help.stdout, new RegExp(`Examples:[^]*cowbench image ${name} `), name);
});
