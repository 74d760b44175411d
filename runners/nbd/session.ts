/** An image in the hands of a server: guest requests go to it one at a time, `reopen` starts it again. */
import { type BlockRequest, Qcow2Error } from '../../engine/index.ts';
import type { GuestRequest } from '../../workloads/request.ts';
import type { ProcessUsage } from '../qemu/process-usage.ts';
import { addCalls, checkTracing, countSystemCalls, noCalls, type SystemCallCounts } from '../qemu/system-calls.ts';
import { toolVersion } from '../qemu/tools.ts';
import { type ServerOptions, ServerProcess } from './server-process.ts';

/** A request and the data that it writes, or the memory that it reads into. */
export interface SessionRequest {
  readonly request: GuestRequest;
  readonly bytes: Uint8Array;
}

export interface NbdSessionResult {
  /** What the server did to the file, from its start to its end; null when not traced. */
  readonly calls: SystemCallCounts | null;
  /** Of all its processes up to the last request. */
  readonly usage: ProcessUsage;
}

export class NbdSession {
  readonly #options: ServerOptions;
  readonly #calls = noCalls();
  #server: ServerProcess;
  #usage: ProcessUsage = { userCpuNs: 0, systemCpuNs: 0, peakMemoryBytes: 0 };

  private constructor(options: ServerOptions, server: ServerProcess) {
    this.#options = options;
    this.#server = server;
  }

  /** @throws UsageError when the server cannot be used, Qcow2Error when it cannot be traced. */
  static async open(options: ServerOptions): Promise<NbdSession> {
    if (options.traced) {
      toolVersion('strace');
      checkTracing();
    }
    return new NbdSession(options, await ServerProcess.start(options));
  }

  /** Size of the disk that the server shows. */
  get sizeBytes(): number {
    return this.#server.client.sizeBytes;
  }

  /**
   * Serves requests one after the other; `served` gets each with its duration, in nanoseconds.
   * @throws Qcow2Error for the first that fails.
   */
  async execute(batch: readonly SessionRequest[], served: (request: GuestRequest, ns: number) => void): Promise<void> {
    try {
      for (const { request, bytes } of batch) served(request, await this.#serve(request, bytes));
    } catch (error) {
      throw await this.#server.explain(error);
    }
  }

  /** Ends the server. */
  async end(): Promise<NbdSessionResult> {
    await this.#stop();
    return { calls: this.#options.traced ? this.#calls : null, usage: this.#usage };
  }

  /** Ends it at once, after a failure. */
  kill(): Promise<void> {
    return this.#server.kill();
  }

  /** Awaited by the caller only where it is a promise: most requests are done when this returns. */
  #serve(request: GuestRequest, bytes: Uint8Array): number | Promise<number> {
    if (request.op === 'reopen') return this.#reopen();
    if (request.op === 'mark') return 0;
    const { client } = this.#server;
    const startNs = performance.now() * 1e6;
    client.perform(blockRequest(request), bytes);
    return performance.now() * 1e6 - startNs;
  }

  async #reopen(): Promise<number> {
    const startNs = performance.now() * 1e6;
    await this.#stop();
    this.#server = await ServerProcess.start(this.#options);
    return performance.now() * 1e6 - startNs;
  }

  async #stop(): Promise<void> {
    const used = this.#server.usage();
    this.#usage = {
      userCpuNs: this.#usage.userCpuNs + used.userCpuNs,
      systemCpuNs: this.#usage.systemCpuNs + used.systemCpuNs,
      peakMemoryBytes: Math.max(this.#usage.peakMemoryBytes, used.peakMemoryBytes),
    };
    await this.#server.end(async (traceFile) => {
      for (const part of await countSystemCalls(traceFile)) addCalls(this.#calls, part);
    });
  }
}

function blockRequest(request: GuestRequest): BlockRequest {
  switch (request.op) {
    case 'read':
    case 'write':
    case 'flush':
    case 'discard':
    case 'write-zeroes':
      return request;
    default:
      throw new Qcow2Error('UNSUPPORTED', `an NBD server cannot do ${request.op}`);
  }
}
