/** Connections to PostgreSQL: where it is, over TLS or not, and its errors as one line without a password. */
import type { ClientConfig } from 'pg';
import { oneLine, UsageError } from '../console/errors.ts';

/** The database, as `--store` or the environment names it. */
export const STORE_VARIABLE = 'COWBENCH_STORE';

/** Long enough for a distant server, short enough that a worker notices that there is none. */
const CONNECT_MS = 10_000;

export interface StoreAddress {
  /** For messages: without user and password. */
  readonly name: string;
  readonly config: ClientConfig;
}

export function isPostgres(place: string): boolean {
  return /^postgres(?:ql)?:/i.test(place);
}

/**
 * What `url` says. `sslmode` is `disable`, `require` (encrypted, any certificate) or `verify-full`; without it a connection over TCP to
 * another machine is `verify-full`. Throws UsageError, which never quotes the URL.
 */
export function storeAddress(url: string): StoreAddress {
  const parsed = parsedUrl(url.replace(/^postgres(?:ql)?:\/\/([^@/]*@)?\//i, 'postgres://$1socket/'));
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (database === '') throw new UsageError('--store: the address names no database');
  const host =
    parsed.searchParams.get('host') ?? (parsed.hostname === 'socket' ? '/var/run/postgresql' : parsed.hostname);
  const mode = parsed.searchParams.get('sslmode');
  const isHere = host.startsWith('/') || ['localhost', '127.0.0.1', '[::1]'].includes(host);
  const user = decodeURIComponent(parsed.username);
  const password = decodeURIComponent(parsed.password);
  return {
    name: `postgres://${host}/${database}`,
    config: {
      ...{ host, database, application_name: 'cowbench', connectionTimeoutMillis: CONNECT_MS, keepAlive: true },
      ...(parsed.port !== '' && { port: Number(parsed.port) }),
      ...(user !== '' && { user }),
      ...(password !== '' && { password }),
      ssl: tlsOf(mode ?? (isHere ? 'disable' : 'verify-full')),
    },
  };
}

function parsedUrl(url: string): URL {
  try {
    return new URL(url);
  } catch {
    throw new UsageError('--store: expected postgres://USER@HOST/DATABASE');
  }
}

function tlsOf(mode: string): ClientConfig['ssl'] {
  if (mode === 'disable') return false;
  if (mode === 'require') return { rejectUnauthorized: false };
  if (mode === 'verify-full') return { rejectUnauthorized: true };
  throw new UsageError(`--store: sslmode is disable, require or verify-full, not ${oneLine(mode)}`);
}

/** SQLSTATE of what the database is asked for by somebody who may not. */
const FORBIDDEN = '42501';
const NO_TABLE = ['42P01', '3F000'];

/** `error` of the server or of the way to it, as one line about the store. */
export function storeError(name: string, error: unknown): UsageError {
  const { code, message } = error as { code?: string; message: string };
  if (code === FORBIDDEN) return new UsageError(`${name}: not permitted: ${oneLine(message)}`, { cause: error });
  if (code !== undefined && NO_TABLE.includes(code)) {
    return new UsageError(`${name} is no store yet: run cowbench store init`, { cause: error });
  }
  const why = oneLine(message || String(code ?? 'no connection'));
  return new UsageError(`${name}: ${why}`, { cause: error });
}

/** True for what may pass: the server is away, starts or stops, or has no room (class 53 of its errors: disk, memory, connections). */
export function isAway(error: unknown): boolean {
  const { code, message, cause } = error as { code?: string; message?: string; cause?: unknown };
  if (code !== undefined && (/^(?:08|53|57P0)/.test(code) || /^E(?:CONN|PIPE|TIMEDOUT|NOENT|HOST|NET)/.test(code)))
    return true;
  if (/terminat|timeout|Connection ended|not queryable/i.test(message ?? '')) return true;
  return cause !== undefined && isAway(cause);
}
