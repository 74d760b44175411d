import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../testing/command.ts';
import { textOfFile } from './text-of-file.ts';

test('a text is read; what is missing, too large, a folder, a device or a pipe is refused at once, with its reason', () => {
  const folder = temporaryFolder();
  try {
    const file = path.join(folder, 'a.json');
    const pipe = path.join(folder, 'pipe');
    fs.writeFileSync(file, '{}');
    execFileSync('mkfifo', [pipe]);
    assert.equal(textOfFile(file, 2), '{}');
    assert.throws(() => textOfFile(file, 1), { message: '2 bytes are too many, at most 1' });
    assert.throws(() => textOfFile(`${file}x`, 1), { message: 'no such file or directory' });
    assert.throws(() => textOfFile(folder, 1), { message: 'illegal operation on a directory' });
    for (const endless of ['/dev/zero', pipe])
      assert.throws(() => textOfFile(endless, 1), { message: 'not a regular file' });
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});
