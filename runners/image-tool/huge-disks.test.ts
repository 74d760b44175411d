/** What a command costs goes by what is stored, whatever the size of the disk: file operations are counted. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { mock, test } from 'node:test';
import { ImageSession } from './testing/image-session.ts';

/** Two images of one content, an overlay and a raw file, each with 64 KiB of data in the middle of `size`. */
function makeDisks(session: ImageSession, size: string, middle: string): void {
  for (const name of ['a', 'b']) {
    session.qemuDone('create', '-q', '-f', 'qcow2', `@${name}`, size);
    session.io(name, 'qcow2', `write -P 1 ${middle} 64k`);
  }
  session.qemuDone('create', '-q', '-f', 'qcow2', '-b', 'a', '-F', 'qcow2', '@over');
  session.io('over', 'qcow2', `write -P 2 ${middle} 64k`);
}

const COMMANDS: readonly (readonly string[])[] = [
  ['info', '--allow-backing', '--backing-chain', '@over'],
  ['map', '--allow-backing', '--output=json', '@over'],
  ['check', '-q', '@a'],
  ['compare', '-q', '@a', '@b'],
  ['measure', '-O', 'qcow2', '@a'],
  ['convert', '-O', 'qcow2', '@a', '@copy'],
  ['convert', '-O', 'qcow2', '--allow-backing', '@over', '@flat'],
  ['bitmap', '--add', '-g', '1G', '@b', 'x'],
  ['bitmap', '--remove', '@b', 'x'],
  ['snapshot', '-c', 'x', '@b'],
  ['snapshot', '-d', 'x', '@b'],
  ['rebase', '--allow-backing', '-b', 'b', '-F', 'qcow2', '@over'],
  ['commit', '-q', '--allow-backing', '@over'],
  ['check', '-q', '-r', 'all', '@b'],
];

/** The L1 table of 64 TiB has 1 MiB, which check reads twice in pieces of 64 KiB; a repair three times in all. */
const L1_PIECES = 64;

/** Reads and writes of each command. */
async function operations(size: string, middle: string): Promise<number[]> {
  using session = new ImageSession();
  makeDisks(session, size, middle);
  const counts = [];
  for (const words of COMMANDS) {
    const calls = [mock.method(fs, 'readSync').mock, mock.method(fs, 'writeSync').mock];
    try {
      await session.done(...words);
      counts.push(calls[0]!.callCount() + calls[1]!.callCount());
    } finally {
      for (const call of calls) call.restore();
    }
  }
  return counts;
}

test('each command makes as many reads and writes for 64 TiB as for 64 GiB, but for those of a longer L1 table', async () => {
  const small = await operations('64G', '32G');
  const huge = await operations('64T', '32T');
  for (const [index, words] of COMMANDS.entries()) {
    const more = huge[index]! - small[index]!;
    assert.ok(small[index]! > 10 && more <= L1_PIECES, `${words.join(' ')}: ${huge[index]}, not ${small[index]}`);
  }
});
