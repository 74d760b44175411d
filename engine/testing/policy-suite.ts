/** What every metadata cache policy promises, whatever it does to keep it: tests to run for each policy, stage and mode. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImage, hasErrors, isClean } from '../check/check-image.ts';
import { createImage, KiB, MemoryFile, MiB, type OpenOptions, openImage, type Qcow2Image } from '../index.ts';
import { type RecordedEvent, RecordingFile } from '../instruments/recording-file.ts';
import { requireSame } from './image-commands.ts';
import { patternBytes, ReferenceDisk } from './reference-disk.ts';

const SIZE_BYTES = 8 * MiB;
const CLUSTER_BYTES = 4 * KiB;

interface Disk {
  readonly image: Qcow2Image;
  readonly recording: RecordingFile;
  readonly memory: MemoryFile;
  readonly expected: ReferenceDisk;
}

function makeDisk(options: OpenOptions, writesAreDurable: boolean): Disk {
  const memory = new MemoryFile('image', new Uint8Array(0), { writesAreDurable });
  createImage(memory, { sizeBytes: SIZE_BYTES, clusterSizeBytes: CLUSTER_BYTES });
  const recording = new RecordingFile(memory);
  return { image: openImage(recording, options), recording, memory, expected: new ReferenceDisk(SIZE_BYTES) };
}

/** Write number `n` of a guest that allocates, rewrites, copies and changes L2 tables. */
function writeNumber(n: number, { image, expected }: Disk): void {
  const offset = ((n * 1_234_567) % (SIZE_BYTES - 16 * KiB)) - ((n * 1_234_567) % 512);
  const bytes = patternBytes(n, 512 + (n % 4) * 3 * KiB);
  image.write(offset, bytes);
  expected.write(offset, bytes);
}

/** The image as a program finds it that reads it now, while `image` is still open. */
function asFound(bytes: Uint8Array): Qcow2Image {
  return openImage(new MemoryFile('copy', bytes, { readOnly: true }));
}

function requireContent(bytes: Uint8Array, expected: ReferenceDisk): void {
  const found = asFound(bytes);
  for (const offset of expected.touchedOffsets()) requireSame(found, expected, offset, 512);
}

/** The file as it is when nothing after the last sync has reached it. */
function durableBytes(initial: Uint8Array, events: readonly RecordedEvent[]): Uint8Array {
  const lastSync = events.findLastIndex(({ op }) => op === 'sync');
  const file = new MemoryFile('durable', initial);
  events.forEach((event, index) => {
    if (event.op === 'write' && (index < lastSync || event.durable)) file.write(event.offset, event.bytes, 'data');
  });
  return file.bytes();
}

/** Tests for the policy called `name` with the options that choose it. */
export function policySuite(name: string, options: OpenOptions, writesAreDurable: boolean): void {
  const start = () => {
    const disk = makeDisk(options, writesAreDurable);
    return { ...disk, initial: disk.memory.bytes() };
  };

  test(`${name}: a flush makes every write before it durable, reachable and structurally sound`, () => {
    const disk = start();
    for (let n = 1; n <= 60; n++) {
      writeNumber(n, disk);
      if (n === 30) disk.image.createSnapshot({ name: 's', dateSeconds: 1 });
      if (n % 7 !== 0) continue;
      disk.image.flush();
      const durable = durableBytes(disk.initial, disk.recording.events);
      requireContent(durable, disk.expected);
      assert.equal(hasErrors(checkImage(new MemoryFile('durable', durable))), false, `after write ${n}`);
    }
  });

  test(`${name}: a program that ends without closing leaves no corruption, whatever it was about to do`, () => {
    const disk = start();
    for (let n = 1; n <= 40; n++) writeNumber(n, disk);
    const file = new MemoryFile('ended', disk.initial);
    for (const event of disk.recording.events) {
      if (event.op === 'write') file.write(event.offset, event.bytes, 'data');
      const { findings, corruptions } = checkImage(file);
      assert.equal(corruptions, 0, `after event ${event.sequence}: ${JSON.stringify(findings)}`);
    }
  });

  test(`${name}: a closed image is complete and clean`, () => {
    const disk = start();
    for (let n = 1; n <= 60; n++) writeNumber(n, disk);
    disk.image.close();
    requireContent(disk.memory.bytes(), disk.expected);
    assert.ok(isClean(checkImage(disk.memory)));
  });

  test(`${name}: nothing is read back before it is what was written`, () => {
    const disk = start();
    for (let n = 1; n <= 60; n++) {
      writeNumber(n, disk);
      for (const offset of disk.expected.touchedOffsets()) requireSame(disk.image, disk.expected, offset, 512);
    }
  });

  if (!writesAreDurable) return;
  test(`${name}: every write is durable and reachable on return, without a flush`, () => {
    const disk = start();
    for (let n = 1; n <= 40; n++) {
      writeNumber(n, disk);
      requireContent(disk.memory.bytes(), disk.expected);
    }
  });
}
