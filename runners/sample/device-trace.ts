/**
 * The file operations of a replay as a fio iolog, so that another program can repeat them: `fio --read_iolog`.
 *
 * What an iolog cannot say: changes of the file's size (left out; a write past the end makes the file longer as before),
 * space that was taken ahead (left out too), and that each write is durable on return (O_DSYNC: run fio with `--sync=dsync`). A punched hole is a trim.
 */
import { type Operation, unhandled } from '../../engine/index.ts';
import { writeIolog } from '../../workloads/iolog-writer.ts';
import { BATCH_REQUESTS, type GuestRequest } from '../../workloads/request.ts';

/** The name of the file inside the iolog. */
export const TRACED_DISK = 'image';

export class DeviceTrace {
  readonly #requests: GuestRequest[] = [];

  /** `atNs` counts from the start of the replay. */
  take(operation: Operation, atNs: number): void {
    const atUs = Math.max(0, Math.floor(atNs / 1000));
    switch (operation.op) {
      case 'read':
      case 'write': {
        const { op, offset, bytes } = operation;
        return void this.#requests.push({ op, offset, length: bytes.length, atUs });
      }
      case 'sync':
        return void this.#requests.push({ op: 'flush', atUs });
      case 'punch':
        return void this.#requests.push({
          op: 'discard',
          offset: operation.offset,
          length: operation.lengthBytes,
          atUs,
        });
      case 'truncate':
      case 'preallocate':
        return;
      default:
        return unhandled(operation);
    }
  }

  /** Writes the iolog. Throws the error of the file system. */
  async write(file: string): Promise<void> {
    await writeIolog(this.#batches(), file, { file: TRACED_DISK });
  }

  async *#batches(): AsyncGenerator<readonly GuestRequest[]> {
    for (let start = 0; start < this.#requests.length; start += BATCH_REQUESTS) {
      yield this.#requests.slice(start, start + BATCH_REQUESTS);
    }
  }
}
