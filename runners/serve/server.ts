/**
 * Listens for clients, on a unix socket or on loopback. There is no encryption and no authentication: who may open the socket, or is on
 * this machine, may read and write what is served.
 */
import fs from 'node:fs';
import net, { type Socket } from 'node:net';
import { UsageError } from '../console/errors.ts';
import { CONNECTION_LIMITS, Connection, type ConnectionLimits, type ServedExport } from './connection.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { SharedMemory } from './shared-memory.ts';

export type Address = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export interface ServerLimits extends ConnectionLimits {
  readonly connections: number;
}

export const SERVER_LIMITS: ServerLimits = { ...CONNECTION_LIMITS, connections: 64 };

/** As much as is received at once: several large requests. */
const RECEIVED_BYTES = 2 ** 20;

/** Limits of time are kept to this precision, or better where they are shorter. */
const CHECK_INTERVAL_MS = 1000;
/** How long clients get, when the server stops, to take the last answers. */
const FAREWELL_MS = 3000;

export class NbdServer {
  readonly #exports: readonly ServedExport[];
  readonly #limits: ServerLimits;
  readonly #memory: SharedMemory;
  readonly #budget = new MemoryBudget();
  readonly #connections = new Set<Connection>();
  /** What clients send arrives here, and is used before anything else arrives. */
  readonly #buffer = new Uint8Array(RECEIVED_BYTES);
  readonly #server: net.Server;
  #checks: NodeJS.Timeout | null = null;

  /** `memory`: what the threads of the exports share with the server. */
  constructor(exports: readonly ServedExport[], memory: SharedMemory, limits: ServerLimits = SERVER_LIMITS) {
    this.#memory = memory;
    this.#exports = exports;
    this.#limits = limits;
    this.#server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  /** Memory that requests and unread replies take now. */
  get usedBytes(): number {
    return this.#budget.usedBytes;
  }

  /** Returns what was listened on: the port is known only then when 0 was asked for. @throws UsageError when it is not free. */
  async listen(address: Address): Promise<Address> {
    if ('socketPath' in address) await removeStaleSocket(address.socketPath);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(address, error)));
      this.#server.once('listening', resolve);
      if ('socketPath' in address) listenPrivately(this.#server, address.socketPath);
      else this.#server.listen(address.port, address.host);
    });
    const intervalMs = Math.min(CHECK_INTERVAL_MS, this.#limits.handshakeMs, this.#limits.stallMs);
    this.#checks = setInterval(() => this.#check(), intervalMs);
    if ('socketPath' in address) return address;
    return { host: address.host, port: (this.#server.address() as net.AddressInfo).port };
  }

  /** Accepts no one any more, answers what was asked, and closes all connections. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.finish();
    const deadline = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, FAREWELL_MS);
    await closed;
    clearTimeout(deadline);
    if (this.#checks !== null) clearInterval(this.#checks);
  }

  /** When there is no room, whoever has not chosen an export yet makes room, the oldest first; those that work stay. */
  #accept(socket: Socket): void {
    if (this.#connections.size >= this.#limits.connections) {
      const undecided = [...this.#connections].find(({ isHandshaking }) => isHandshaking);
      if (undecided === undefined) {
        socket.destroy();
        return;
      }
      undecided.destroy();
      this.#connections.delete(undecided);
    }
    const onClosed = (closed: Connection) => void this.#connections.delete(closed);
    const open = (receive: (bytes: Uint8Array) => void) => withBuffer(socket, this.#buffer, receive);
    this.#connections.add(new Connection(open, this.#exports, this.#budget, this.#memory, this.#limits, onClosed));
  }

  #check(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections) connection.checkProgress(nowMs);
  }
}

/**
 * The same connection, read into `buffer`: a socket of a server makes new memory for each piece that arrives, which costs more than all
 * else that is done with it. Node has that for sockets that connect, not for those that a server accepts.
 */
function withBuffer(accepted: Socket, buffer: Uint8Array, receive: (bytes: Uint8Array) => void): Socket {
  const inner = accepted as unknown as { _handle: object | null };
  const handle = inner._handle;
  inner._handle = null;
  const onread = {
    buffer,
    callback: (lengthBytes: number) => {
      receive(buffer.subarray(0, lengthBytes));
      return true;
    },
  };
  const options = { handle, onread, allowHalfOpen: true, readable: true, writable: true };
  const socket = new net.Socket(options as net.SocketConstructorOpts);
  // The server counts those that it accepted, and ends when all of them have.
  socket.on('close', () => accepted.destroy());
  socket.resume();
  return socket;
}

/** Only its owner may connect, from the moment on at which the socket exists. */
function listenPrivately(server: net.Server, socketPath: string): void {
  const before = process.umask(0o177);
  try {
    server.listen(socketPath);
  } finally {
    process.umask(before);
  }
}

/** A server that was killed leaves its socket; nobody listens on it. */
async function removeStaleSocket(socketPath: string): Promise<void> {
  const found = fs.lstatSync(socketPath, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new UsageError(`--socket ${socketPath}: there is a file of that name`);
  if (await isAnswered(socketPath)) throw new UsageError(`--socket ${socketPath}: another server listens there`);
  fs.unlinkSync(socketPath);
}

function isAnswered(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect(socketPath);
    probe.on('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'));
  });
}

function listenFailure(address: Address, error: NodeJS.ErrnoException): UsageError {
  const why = error.code === 'EADDRINUSE' ? 'in use' : (error.code ?? error.message);
  if ('socketPath' in address) return new UsageError(`--socket ${address.socketPath}: cannot listen there: ${why}`);
  return new UsageError(`--port ${address.port}: cannot listen on ${address.host}: ${why}`);
}
