/** A served raw disk in memory, every change of which is recorded: in this process, so that the order of all events is one. */
import net from 'node:net';
import { MemoryFile, perform, Qcow2Error, RawDisk } from '../../../engine/index.ts';
import { RecordingFile } from '../../../engine/instruments/index.ts';
import { type NbdRequest, NbdSession, nbdErrorOf, type Outcome } from '../../../engine/nbd/index.ts';

export class RecordingServer {
  readonly recording: RecordingFile;
  readonly #memory: MemoryFile;
  readonly #disk: RawDisk;
  readonly #server: net.Server;

  constructor(base: Uint8Array) {
    this.#memory = new MemoryFile('disk', base);
    this.recording = new RecordingFile(this.#memory);
    this.#disk = new RawDisk(this.recording);
    this.#server = net.createServer((socket) => this.#accept(socket));
  }

  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, resolve);
    });
  }

  close(): void {
    this.#server.close();
  }

  /** What the disk holds now. */
  bytes(): Uint8Array {
    return this.#memory.bytes();
  }

  #accept(socket: net.Socket): void {
    const { sizeBytes } = this.#disk;
    const blocks = { minimumBlockBytes: 1, preferredBlockBytes: 4096 };
    const session = new NbdSession({
      exports: [{ name: '', description: '', sizeBytes, readOnly: false, ...blocks }],
    });
    const pump = () => {
      for (let event = session.next(); event !== null; event = session.next()) {
        if (event.kind === 'send') for (const bytes of event.bytes) socket.write(bytes);
        else if (event.kind === 'end') socket.end();
        else if (event.kind === 'request') {
          for (const bytes of session.reply(event.request, this.#serve(event.request))) socket.write(bytes);
        }
      }
    };
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      session.receive(bytes);
      pump();
    });
    pump();
  }

  #serve({ work, payload }: NbdRequest): Outcome {
    try {
      if (work.op === 'block-status') return { extents: [{ lengthBytes: work.length, flags: 0 }] };
      if (work.op === 'cache') return {};
      const bytes = work.op === 'read' ? new Uint8Array(work.length) : payload;
      perform(this.#disk, work, bytes);
      return work.op === 'read' ? { bytes } : {};
    } catch (error) {
      if (!(error instanceof Qcow2Error)) throw error;
      return { errno: nbdErrorOf(error.code, true), message: error.message };
    }
  }
}
