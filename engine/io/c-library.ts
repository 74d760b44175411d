/**
 * Functions of the C library for which Node has no call. Loaded at the first use, because most runs need none. `#koffi` is the package
 * `koffi` in a checkout, and its loader alone in an installed package (`runners/package/manifest.ts`).
 */
import { createRequire } from 'node:module';

type Koffi = { load(library: string): { func(prototype: string): unknown }; errno(): number };

/** A function of the C library that returns -1 and sets errno where it fails. */
export interface CFunction<Call> {
  readonly call: Call;
  /** The error of the last call that failed. */
  errno(): number;
}

/** The function with this C prototype; null on other platforms than Linux, and where `koffi` is not installed. */
export function cFunction<Call>(prototype: string): CFunction<Call> | null {
  if (process.platform !== 'linux') return null;
  try {
    const koffi = createRequire(import.meta.url)('#koffi') as Koffi;
    return { call: koffi.load('libc.so.6').func(prototype) as Call, errno: () => koffi.errno() };
  } catch {
    return null;
  }
}
