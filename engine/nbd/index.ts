/** The NBD protocol for servers: what a server outside the engine needs of it. */
export { nbdErrorOf } from './error-numbers.ts';
export { type NbdExport, SESSION_LIMITS } from './export.ts';
export { BASE_ALLOCATION, type StatusExtent } from './protocol.ts';
export { NbdSession, type SessionEvent } from './session.ts';
export type { NbdRequest, NbdWork, Outcome } from './transmission.ts';
