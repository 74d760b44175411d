import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Qcow2Error } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import { type BlockFile, HOST_CACHE_MODES } from '../io/block-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { DeviceModelFile } from './device-model.ts';
import { MODELLED_DEVICES } from './device-model-parameters.ts';
import { StreamPrices } from './stream-prices.ts';

const operation = fc.oneof(
  fc.record({ op: fc.constant('write' as const), offset: fc.nat(MiB), length: fc.integer({ min: 1, max: 9000 }) }),
  fc.record({ op: fc.constant('read' as const), offset: fc.nat(2 * MiB), length: fc.integer({ min: 1, max: 9000 }) }),
  fc.record({ op: fc.constant('punch' as const), offset: fc.nat(MiB), length: fc.nat(20_000) }),
  fc.record({ op: fc.constant('preallocate' as const), offset: fc.nat(MiB), length: fc.nat(20_000) }),
  fc.record({ op: fc.constant('truncate' as const), offset: fc.nat(2 * MiB), length: fc.constant(0) }),
  fc.record({ op: fc.constant('sync' as const), offset: fc.constant(0), length: fc.constant(0) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function apply(file: BlockFile, { op, offset, length }: Operation): Uint8Array | null {
  const bytes = new Uint8Array(length).fill((offset % 255) + 1);
  if (op === 'write') file.write(offset, bytes, 'data');
  else if (op === 'read') {
    file.read(offset, bytes, 'data');
    return bytes;
  } else if (op === 'punch') file.punchHole(offset, length);
  else if (op === 'preallocate') file.preallocate(offset, length);
  else if (op === 'truncate') file.truncate(offset);
  else file.sync('guest-flush');
  return null;
}

describe('any stream of operations', () => {
  test('same bytes as the file below, whole nanoseconds, the same time again, and reported in full', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 40 }),
        fc.constantFrom(...MODELLED_DEVICES),
        fc.constantFrom(...HOST_CACHE_MODES),
        (operations, device, hostCacheMode) => {
          const run = () => {
            const reference = new MemoryFile();
            const memory = new MemoryFile();
            let reportedNs = 0;
            const file = new DeviceModelFile(memory, {
              device,
              hostCacheMode,
              sink: (_, __, durationNs) => {
                reportedNs += durationNs;
              },
            });
            for (const step of operations) {
              const before = file.elapsedNs();
              assert.deepEqual(apply(file, step), apply(reference, step));
              const ns = file.elapsedNs() - before;
              assert.ok(Number.isSafeInteger(ns) && ns >= 0, `${step.op} took ${ns}`);
            }
            assert.deepEqual(memory.bytes(), reference.bytes());
            assert.equal(reportedNs, file.elapsedNs());
            return file.elapsedNs();
          };
          assert.equal(run(), run());
        },
      ),
      { seed: 20_260_101, numRuns: 150 },
    );
  });

  test('noted and priced on all devices at once, it costs on each what that device alone takes', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 40 }),
        fc.constantFrom(...HOST_CACHE_MODES),
        fc.nat({ max: 40 }),
        (operations, hostCacheMode, settledAfter) => {
          const onEach = MODELLED_DEVICES.map((device) => {
            const file = new DeviceModelFile(new MemoryFile(), { device, hostCacheMode });
            for (const step of operations) apply(file, step);
            return [device.name, file.elapsedNs()];
          });
          // Whether durable writes and ignored syncs are the mode's is the file's business, as it is below a real image.
          const inner = new DeviceModelFile(new MemoryFile(), { device: MODELLED_DEVICES[0]!, hostCacheMode });
          const prices = new StreamPrices(inner, { hostCacheMode, knowsHoles: false });
          for (const [index, step] of operations.entries()) {
            apply(prices, step);
            if (index === settledAfter) prices.settle();
          }
          assert.deepEqual(Object.entries(prices.totals()), onEach);
        },
      ),
      { seed: 20_260_102, numRuns: 150 },
    );
  });

  test('an operation that the file below refuses takes no time', () => {
    const inner = new MemoryFile('full', new Uint8Array(4096), { readOnly: true });
    const file = new DeviceModelFile(inner, { device: MODELLED_DEVICES[0]!, hostCacheMode: 'writeback' });
    assert.throws(() => file.write(0, new Uint8Array(4096), 'data'), Qcow2Error);
    assert.throws(() => file.sync('close'), Qcow2Error);
    assert.throws(() => file.truncate(0), Qcow2Error);
    assert.throws(() => file.preallocate(0, 512), Qcow2Error);
    assert.equal(file.elapsedNs(), 0);
  });
});
