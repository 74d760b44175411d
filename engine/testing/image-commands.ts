/**
 * What can be done with an image, as fast-check commands: each does it to the image and to a {@link ReferenceDisk}, and compares
 * what both say at once.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkImage, isClean } from '../check/check-image.ts';
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

class Write implements Command {
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
    const bytes = patternBytes(this.#seed, this.#place.lengthBytes);
    image.write(this.#place.offset, bytes);
    disk.write(this.#place.offset, bytes);
  }
  toString(): string {
    return `write(${this.#place.offset}, ${this.#place.lengthBytes}, ${this.#seed})`;
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

class WriteZeroes implements Command {
  readonly #place: Place;
  readonly #mayUnmap: boolean;

  constructor(place: Place, mayUnmap: boolean) {
    this.#place = place;
    this.#mayUnmap = mayUnmap;
  }
  check(): boolean {
    return true;
  }
  run({ disk }: Model, { image }: ImageUnderTest): void {
    const { offset, lengthBytes } = this.#place;
    image.writeZeroes(offset, lengthBytes, { mayUnmap: this.#mayUnmap });
    disk.write(offset, new Uint8Array(lengthBytes));
  }
  toString(): string {
    return `writeZeroes(${this.#place.offset}, ${this.#place.lengthBytes}, ${this.#mayUnmap})`;
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

class Flush implements Command {
  check(): boolean {
    return true;
  }
  run(_: Model, { image }: ImageUnderTest): void {
    image.flush();
  }
  toString(): string {
    return 'flush()';
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

class TakeSnapshot implements Command {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }
  check({ disk }: Model): boolean {
    return !disk.snapshotNames.includes(this.#name);
  }
  run({ disk, vmState }: Model, { image }: ImageUnderTest): void {
    image.createSnapshot({ name: this.#name, dateSeconds: 1 });
    disk.takeSnapshot(this.#name);
    vmState.takeSnapshot(this.#name);
  }
  toString(): string {
    return `createSnapshot(${this.#name})`;
  }
}

class ApplySnapshot implements Command {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }
  check({ disk }: Model): boolean {
    return disk.snapshotNames.includes(this.#name);
  }
  run({ disk, vmState }: Model, { image }: ImageUnderTest): void {
    image.applySnapshot(this.#name);
    disk.applySnapshot(this.#name);
    vmState.applySnapshot(this.#name);
  }
  toString(): string {
    return `applySnapshot(${this.#name})`;
  }
}

class DeleteSnapshot implements Command {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }
  check({ disk }: Model): boolean {
    return disk.snapshotNames.includes(this.#name);
  }
  run({ disk, vmState }: Model, { image }: ImageUnderTest): void {
    image.deleteSnapshot(this.#name);
    disk.deleteSnapshot(this.#name);
    vmState.deleteSnapshot(this.#name);
  }
  toString(): string {
    return `deleteSnapshot(${this.#name})`;
  }
}

class WriteVmState implements Command {
  readonly #place: Place;
  readonly #seed: number;

  constructor(place: Place, seed: number) {
    this.#place = place;
    this.#seed = seed;
  }
  check(): boolean {
    return true;
  }
  run({ vmState }: Model, { image }: ImageUnderTest): void {
    const bytes = patternBytes(this.#seed, this.#place.lengthBytes);
    image.writeVmState(this.#place.offset, bytes);
    vmState.write(this.#place.offset, bytes);
  }
  toString(): string {
    return `writeVmState(${this.#place.offset}, ${this.#place.lengthBytes}, ${this.#seed})`;
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

/** All commands, on places from `place`; `vmPlace` are those in the VM state. */
export function imageCommands(place: fc.Arbitrary<Place>, vmPlace: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  return [...diskCommands(place), ...snapshotCommands(vmPlace)];
}

/** What a guest does, and closing and opening. */
export function diskCommands(place: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  const seed = fc.nat({ max: 255 });
  const write = fc.tuple(place, seed).map(([at, byte]) => new Write(at, byte));
  return [
    write,
    write,
    write,
    place.map((at) => new Read(at)),
    fc.tuple(place, fc.boolean()).map(([at, mayUnmap]) => new WriteZeroes(at, mayUnmap)),
    place.map((at) => new Discard(at)),
    fc.tuple(place, seed).map(([at, byte]) => new WriteCompressed(at, byte)),
    fc.constant(new Flush()),
    fc.constant(new Reopen()),
  ];
}

function snapshotCommands(vmPlace: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  const seed = fc.nat({ max: 255 });
  const name = fc.constantFrom('a', 'b', 'c');
  return [
    name.map((word) => new TakeSnapshot(word)),
    name.map((word) => new ApplySnapshot(word)),
    name.map((word) => new DeleteSnapshot(word)),
    fc.tuple(vmPlace, seed).map(([at, byte]) => new WriteVmState(at, byte)),
    vmPlace.map((at) => new ReadVmState(at)),
  ];
}
