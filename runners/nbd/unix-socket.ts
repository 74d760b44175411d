/**
 * A blocking connection to a unix socket, as a file descriptor: a request and its answer are two system calls with no event loop between
 * them, so the clock around them measures the server and not the turns of the loop.
 */
import fs from 'node:fs';
import { cFunction } from '../../engine/io/c-library.ts';
import { UsageError } from '../console/errors.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;
/** Of `sockaddr_un`, with the zero that ends the path. */
const PATH_BYTES = 108;
const ENOENT = 2;
const ECONNREFUSED = 111;

type Call = (...words: unknown[]) => number;

function load() {
  const socket = cFunction<Call>('int socket(int domain, int type, int protocol)');
  const connect = cFunction<Call>('int connect(int fd, const uint8_t *address, uint32_t length)');
  const setOption = cFunction<Call>(
    'int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)',
  );
  if (socket === null || connect === null || setOption === null)
    throw new UsageError('NBD engines need Linux and the package koffi, which npm ci installs');
  return { socket, connect, setOption };
}

let library: ReturnType<typeof load> | null = null;

/** Null: the path is longer than the system allows for a socket. */
function addressOf(socketPath: string): Uint8Array | null {
  const path = Buffer.from(socketPath);
  if (path.length >= PATH_BYTES) return null;
  const address = new Uint8Array(2 + PATH_BYTES);
  address[0] = AF_UNIX;
  address.set(path, 2);
  return address;
}

/**
 * Connects; null while nobody listens there. A read or write of the descriptor fails with EAGAIN after `timeoutMs`.
 * @throws UsageError for a path that cannot be connected to at all.
 */
export function connectUnix(socketPath: string, timeoutMs: number): number | null {
  library ??= load();
  const { socket, connect, setOption } = library;
  const address = addressOf(socketPath);
  if (address === null) throw new UsageError(`${socketPath}: too long for the path of a socket`);
  const descriptor = socket.call(AF_UNIX, SOCK_STREAM + SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw new UsageError(`cannot make a socket: error number ${socket.errno()}`);
  if (connect.call(descriptor, address, address.length) === 0) {
    const time = new DataView(new ArrayBuffer(16));
    time.setBigInt64(0, BigInt(Math.floor(timeoutMs / 1000)), true);
    time.setBigInt64(8, BigInt((timeoutMs % 1000) * 1000), true);
    for (const option of [SO_RCVTIMEO, SO_SNDTIMEO])
      setOption.call(descriptor, SOL_SOCKET, option, new Uint8Array(time.buffer), 16);
    return descriptor;
  }
  const errno = connect.errno();
  fs.closeSync(descriptor);
  if (errno === ENOENT || errno === ECONNREFUSED) return null;
  throw new UsageError(`cannot connect to ${socketPath}: error number ${errno}`);
}
