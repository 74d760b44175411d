import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { MiB } from '../base/units.ts';
import { SyncTogether } from '../image/data-file.ts';
import type { BlockFile } from '../io/block-file.ts';
import { trackDurability } from '../io/durability.ts';
import { openFile } from '../io/file.ts';
import { ForwardingFile } from '../io/forwarding-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { blockFileSuite, wrapperSuite } from '../testing/block-file-suite.ts';
import { CountingFile } from './counting-file.ts';
import { DeviceModelFile } from './device-model.ts';
import { MODELLED_DEVICES } from './device-model-parameters.ts';
import { FaultFile } from './fault-file.ts';
import { RecordingFile } from './recording-file.ts';
import { SmallDisk } from './small-disk.ts';
import { StreamPrices } from './stream-prices.ts';
import { type Operation, type Outcome, Tap } from './tap.ts';
import { TimingFile } from './timing-file.ts';

/** Shows what its hooks were given. */
class ShowingFile extends Tap {
  readonly seen: string[] = [];

  protected override before({ op }: Operation): void {
    this.seen.push(`before ${op}`);
  }

  protected override after({ op }: Operation, outcome: Outcome): void {
    this.seen.push(`${op} ${outcome}`);
  }
}

const WRAPPERS: Readonly<Record<string, (inner: BlockFile) => BlockFile>> = {
  forwarding: (inner) => new ForwardingFile(inner),
  counting: (inner) => new CountingFile(inner),
  timing: (inner) => new TimingFile(inner, () => {}),
  recording: (inner) => new RecordingFile(inner),
  'device model': (inner) => new DeviceModelFile(inner, { device: MODELLED_DEVICES[0]!, hostCacheMode: 'writeback' }),
  'stream prices': (inner) => new StreamPrices(inner, { hostCacheMode: 'writeback', knowsHoles: false }),
  'fault file that is interrupted': (inner) => new FaultFile(inner, { kind: 'EINTR', position: 1, forGood: true }),
  'small disk with space': (inner) => new SmallDisk(inner, Infinity),
  numbered: (inner) => trackDurability(inner).image,
  'with a data file': (inner) => new SyncTogether(inner, new MemoryFile()),
};

for (const [name, wrap] of Object.entries(WRAPPERS)) {
  blockFileSuite(name, () => wrap(new MemoryFile()));
  wrapperSuite(name, wrap);
}

test('space that is taken ahead in a real file is recorded, counted, timed and modelled', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-tap-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const real = openFile(path.join(folder, 'image'), { create: true });
  const timed: string[] = [];
  const recording = new RecordingFile(new TimingFile(real, ({ op }) => timed.push(op)));
  const model = new DeviceModelFile(recording, { device: MODELLED_DEVICES[0]!, hostCacheMode: 'writeback' });
  const file = new CountingFile(model);
  if (!file.preallocate(0, MiB)) {
    file.close();
    return t.skip('this file system takes no space ahead');
  }
  assert.equal(file.sizeBytes(), MiB);
  assert.deepEqual(timed, ['preallocate']);
  assert.deepEqual(recording.events, [{ op: 'preallocate', offset: 0, lengthBytes: MiB, failed: false, sequence: 0 }]);
  assert.deepEqual([file.counts.preallocations, file.counts.preallocatedBytes], [1, MiB]);
  assert.ok(model.elapsedNs() > 0);
  file.close();
});

test('both hooks are told of every operation, and of what became of it', () => {
  const file = new ShowingFile(new MemoryFile());
  file.write(0, new Uint8Array(512), 'data');
  file.read(0, new Uint8Array(512), 'data');
  file.truncate(4096);
  file.punchHole(0, 512);
  file.preallocate(0, 512);
  file.sync('other');
  const ops = ['write', 'read', 'truncate', 'punch', 'preallocate', 'sync'];
  assert.deepEqual(
    file.seen,
    ops.flatMap((op) => [`before ${op}`, `${op} done`]),
  );
});

test('what the file below refuses is shown as failed, what it cannot do as unable', () => {
  class Unable extends ForwardingFile {
    override readonly ignoresSyncs = true;
    override punchHole(): boolean {
      return false;
    }
    override preallocate(): boolean {
      return false;
    }
  }
  const unable = new ShowingFile(new Unable(new MemoryFile()));
  unable.punchHole(0, 512);
  unable.preallocate(0, 512);
  unable.sync('other');
  const outcomes = (file: ShowingFile) => file.seen.filter((line) => !line.startsWith('before'));
  assert.deepEqual(outcomes(unable), ['punch unable', 'preallocate unable', 'sync unable']);
  const refusing = new ShowingFile(new MemoryFile('m', undefined, { readOnly: true }));
  assert.throws(() => refusing.write(0, new Uint8Array(512), 'data'));
  assert.throws(() => refusing.preallocate(0, 512));
  assert.throws(() => refusing.sync('other'));
  assert.deepEqual(outcomes(refusing), ['write failed', 'preallocate failed', 'sync failed']);
});
