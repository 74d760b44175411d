/**
 * What can be done with an image, as fast-check commands: each does it to the image and to a {@link ReferenceDisk}, and compares
 * what both say at once.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkImage, isClean } from '../check/check-image.ts';
import { perform } from '../disk/perform.ts';
import type { DiskRequest } from '../disk/request.ts';
import { MiB, type OpenOptions, openImage, type Qcow2Image } from '../index.ts';
import type { MemoryFile } from '../io/memory-file.ts';
import { patternBytes, type ReferenceDisk } from './reference-disk.ts';

/** The image under test, in memory; closed and opened again on the way. */
export class ImageUnderTest {
  readonly file: MemoryFile;
  readonly options: OpenOptions;
  image: Qcow2Image;

  constructor(file: MemoryFile, options: OpenOptions) {
    this.file = file;
    this.options = options;
    this.image = openImage(file, options);
  }

  reopen(): void {
    this.image.close();
    const report = checkImage(this.file);
    assert.ok(isClean(report), `a closed image is clean: ${JSON.stringify(report.findings)}`);
    this.image = openImage(this.file, this.options);
  }
}

export interface Model {
  readonly disk: ReferenceDisk;
  /** VM state: a disk of its own; snapshots take it along. */
  readonly vmState: ReferenceDisk;
}

type Command = fc.Command<Model, ImageUnderTest>;

/** Where a write goes and how long it is, for disks and clusters of every size. */
export interface Place {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A request that changes the disk, its VM state or its snapshots, and what it does to the model. */
class Change implements Command {
  readonly #request: ChangeRequest;
  readonly #bytes: Uint8Array;

  constructor(request: ChangeRequest, seed = 0) {
    this.#request = request;
    const writes = request.op === 'write' || request.op === 'vmstate-write';
    this.#bytes = writes ? patternBytes(seed, request.length) : new Uint8Array(0);
  }
  check({ disk }: Model): boolean {
    const request = this.#request;
    if (!('name' in request)) return true;
    return disk.snapshotNames.includes(request.name) === (request.op !== 'snapshot-create');
  }
  run(model: Model, { image }: ImageUnderTest): void {
    perform(image, this.#request, this.#bytes);
    changeModel(model, this.#request, this.#bytes);
  }
  toString(): string {
    return `${JSON.stringify(this.#request)} ${this.#bytes[0] ?? ''}`;
  }
}

type ChangeRequest = Extract<
  DiskRequest,
  {
    op: 'write' | 'write-zeroes' | 'flush' | 'vmstate-write' | 'snapshot-create' | 'snapshot-apply' | 'snapshot-delete';
  }
>;

function changeModel({ disk, vmState }: Model, request: ChangeRequest, bytes: Uint8Array): void {
  switch (request.op) {
    case 'write':
      return disk.write(request.offset, bytes);
    case 'write-zeroes':
      return disk.write(request.offset, new Uint8Array(request.length));
    case 'vmstate-write':
      return vmState.write(request.offset, bytes);
    case 'snapshot-create':
      for (const part of [disk, vmState]) part.takeSnapshot(request.name);
      return;
    case 'snapshot-apply':
      for (const part of [disk, vmState]) part.applySnapshot(request.name);
      return;
    case 'snapshot-delete':
      for (const part of [disk, vmState]) part.deleteSnapshot(request.name);
      return;
    case 'flush':
      return;
  }
}

class Read implements Command {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }
  check(): boolean {
    return true;
  }
  run({ disk }: Model, { image }: ImageUnderTest): void {
    const { offset, lengthBytes } = this.#place;
    requireSame(image, disk, offset, lengthBytes);
  }
  toString(): string {
    return `read(${this.#place.offset}, ${this.#place.lengthBytes})`;
  }
}

class Discard implements Command {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }
  check(): boolean {
    return true;
  }
  run({ disk }: Model, { image }: ImageUnderTest): void {
    const zeroed = image.discard(this.#place.offset, this.#place.lengthBytes);
    assert.ok(zeroed.offset >= this.#place.offset || zeroed.lengthBytes === 0);
    disk.write(zeroed.offset, new Uint8Array(zeroed.lengthBytes));
  }
  toString(): string {
    return `discard(${this.#place.offset}, ${this.#place.lengthBytes})`;
  }
}

class WriteCompressed implements Command {
  readonly #place: Place;
  readonly #seed: number;

  constructor(place: Place, seed: number) {
    this.#place = place;
    this.#seed = seed;
  }
  check(): boolean {
    return true;
  }
  run({ disk }: Model, { image }: ImageUnderTest): void {
    const start = this.#place.offset - (this.#place.offset % image.clusterSizeBytes);
    const length = Math.min(image.clusterSizeBytes, image.sizeBytes - start);
    // Half of it can be compressed, half of it hardly.
    const bytes = new Uint8Array(length);
    bytes.set(patternBytes(this.#seed, Math.ceil(length / 2)));
    image.writeCompressed(start, bytes);
    disk.write(start, bytes);
  }
  toString(): string {
    return `writeCompressed(${this.#place.offset}, ${this.#seed})`;
  }
}

class Reopen implements Command {
  check(): boolean {
    return true;
  }
  run(_: Model, under: ImageUnderTest): void {
    under.reopen();
  }
  toString(): string {
    return 'reopen()';
  }
}

class ReadVmState implements Command {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }
  check(): boolean {
    return true;
  }
  run({ vmState }: Model, { image }: ImageUnderTest): void {
    const { offset, lengthBytes } = this.#place;
    const [found, wanted] = [new Uint8Array(lengthBytes).fill(0xaa), new Uint8Array(lengthBytes)];
    image.readVmState(offset, found);
    vmState.read(offset, wanted);
    assert.ok(Buffer.from(found).equals(wanted), `VM state from ${offset}`);
  }
  toString(): string {
    return `readVmState(${this.#place.offset}, ${this.#place.lengthBytes})`;
  }
}

/** Throws unless image and model hold the same bytes in the range. */
export function requireSame(image: Qcow2Image, disk: ReferenceDisk, offset: number, lengthBytes: number): void {
  const [found, wanted] = [new Uint8Array(lengthBytes).fill(0xaa), new Uint8Array(lengthBytes)];
  image.read(offset, found);
  disk.read(offset, wanted);
  if (Buffer.from(found).equals(wanted)) return;
  const at = found.findIndex((byte, index) => byte !== wanted[index]);
  assert.fail(`byte ${offset + at} of the disk is ${found[at]}, not ${wanted[at]}`);
}

/** A compressed cluster is unpacked for each read: they are compared in large pieces. */
const COMPARED_BYTES = 2 * MiB;

/** Throws unless image and model agree on all that was ever written, and on the names of the snapshots. */
export function requireSameDisk({ disk }: Model, { image }: ImageUnderTest): void {
  for (const { offset, lengthBytes } of disk.touchedRanges(COMPARED_BYTES))
    requireSame(image, disk, offset, lengthBytes);
  assert.deepEqual(
    image.listSnapshots().map(({ name }) => name),
    disk.snapshotNames,
  );
}

function rangeOf({ offset, lengthBytes }: Place): { offset: number; length: number } {
  return { offset, length: lengthBytes };
}

/** All commands, on places from `place`; `vmPlace` are those in the VM state. */
export function imageCommands(place: fc.Arbitrary<Place>, vmPlace: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  return [...diskCommands(place), ...snapshotCommands(vmPlace)];
}

/** What a guest does, and closing and opening. */
export function diskCommands(place: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  const seed = fc.nat({ max: 255 });
  const write = fc.tuple(place, seed).map(([at, byte]) => new Change({ op: 'write', ...rangeOf(at) }, byte));
  return [
    write,
    write,
    write,
    place.map((at) => new Read(at)),
    fc.tuple(place, fc.boolean()).map(([at, mayUnmap]) => new Change({ op: 'write-zeroes', mayUnmap, ...rangeOf(at) })),
    place.map((at) => new Discard(at)),
    fc.tuple(place, seed).map(([at, byte]) => new WriteCompressed(at, byte)),
    fc.constant(new Change({ op: 'flush' })),
    fc.constant(new Reopen()),
  ];
}

function snapshotCommands(vmPlace: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  const seed = fc.nat({ max: 255 });
  const name = fc.constantFrom('a', 'b', 'c');
  return [
    name.map((word) => new Change({ op: 'snapshot-create', name: word, dateSeconds: 1, vmStateBytes: 0 })),
    name.map((word) => new Change({ op: 'snapshot-apply', name: word })),
    name.map((word) => new Change({ op: 'snapshot-delete', name: word })),
    fc.tuple(vmPlace, seed).map(([at, byte]) => new Change({ op: 'vmstate-write', ...rangeOf(at) }, byte)),
    vmPlace.map((at) => new ReadVmState(at)),
  ];
}
