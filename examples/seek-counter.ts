/**
 * A wrapper that counts something new: writes that do not begin where the one before ended, which a hard disk pays for.
 *
 *     node examples/seek-counter.ts
 */
import { createImage, MemoryFile, openImage } from 'cowbench';
import { type Operation, Tap } from 'cowbench/instruments';

class SeekCounter extends Tap {
  seeks = 0;
  #nextOffset = -1;

  protected override before(operation: Operation): void {
    if (operation.op !== 'write') return;
    if (operation.offset !== this.#nextOffset) this.seeks++;
    this.#nextOffset = operation.offset + operation.bytes.length;
  }

  protected override after(): void {}
}

for (const policy of ['writeback', 'ordered']) {
  const file = new MemoryFile('disk');
  createImage(file, { sizeBytes: 2 ** 30 });
  const counter = new SeekCounter(file);
  const image = openImage(counter, { policy });
  for (let write = 0; write < 64; write++) {
    image.write(write * 65536, new Uint8Array(4096));
    image.flush();
  }
  image.close();
  console.log(`${policy}: ${counter.seeks} seeks`);
}
