import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { fileSystemOf, findMount } from './file-system.ts';

const TABLE = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 22 0:25 / /tmp rw,nosuid - tmpfs tmpfs rw,size=100k
31 22 0:26 / /my\\040disk rw - xfs /dev/vdb rw,noquota
32 22 0:27 / /my\\040disk ro - btrfs /dev/vdc ro
33 22 0:28 / /tmpfiles rw - ext2 /dev/vdd rw
`;

test('the longest mount point that contains the directory decides', () => {
  assert.deepEqual(findMount(TABLE, '/home/x'), { type: 'ext4', mountOptions: 'rw,relatime,discard', tmpfs: false });
  assert.deepEqual(findMount(TABLE, '/tmp/a/b'), { type: 'tmpfs', mountOptions: 'rw,nosuid,size=100k', tmpfs: true });
  assert.equal(findMount(TABLE, '/tmpfiles').type, 'ext2');
});

test('blanks in mount points are decoded, the mount on top hides the one below', () => {
  assert.equal(findMount(TABLE, '/my disk/x').type, 'btrfs');
});

test('tmpfs is recognised on this machine', { skip: !fs.existsSync('/dev/shm') && 'no /dev/shm here' }, () => {
  assert.equal(fileSystemOf('/dev/shm').tmpfs, true);
});
