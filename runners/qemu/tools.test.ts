import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFailure } from '../console/errors.ts';
import { askVersion, findQemuTools } from './tools.ts';

test('the installed programs are found, with their versions', () => {
  for (const [tool, version] of Object.entries(findQemuTools())) assert.match(version, /^\d+\.\d+/, tool);
});

test('a missing program is named in one line that says what installs it', () => {
  const caught = (() => {
    try {
      return askVersion('qemu-io', '/nonexistent');
    } catch (error) {
      return describeFailure(error);
    }
  })();
  assert.deepEqual(caught, {
    message: 'the qemu engine needs qemu-io, which is not installed: apt-get install qemu-utils brings it',
    expected: true,
  });
});
