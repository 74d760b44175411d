/**
 * Everything that this program uses and Node 20 does not have: the package is compiled against the libraries of Node 20 and this file,
 * so that a use of anything else does not compile. Used only where it is there: zstd. All else is filled in (`fill-node-20.ts`).
 */
import type { ResolveFnOutput, ResolveHookContext } from 'node:module';
import type { InputType, ZlibOptions } from 'node:zlib';

declare global {
  interface MapConstructor {
    groupBy<Key, Item>(items: Iterable<Item>, keyOf: (item: Item, index: number) => Key): Map<Key, Item[]>;
  }
  interface PromiseConstructor {
    withResolvers<Value>(): {
      promise: Promise<Value>;
      resolve: (value: Value | PromiseLike<Value>) => void;
      reject: (reason?: unknown) => void;
    };
  }
  namespace NodeJS {
    interface Process {
      threadCpuUsage(before?: CpuUsage): CpuUsage;
    }
  }
}

declare module 'node:module' {
  type ResolveHookSync = (
    specifier: string,
    context: ResolveHookContext,
    next: (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput,
  ) => ResolveFnOutput | { readonly url: string; readonly format: string; readonly shortCircuit: boolean };
  namespace Module {
    function registerHooks(hooks: { readonly resolve: ResolveHookSync }): void;
  }
}

declare module 'node:zlib' {
  interface ZstdOptions extends ZlibOptions {
    readonly params?: Readonly<Record<number, number>>;
  }
  function zstdCompressSync(content: InputType): Buffer;
  function zstdDecompressSync(stream: InputType, options?: ZstdOptions): Buffer;
  function createZstdDecompress(): Gunzip;
  namespace constants {
    const ZSTD_d_windowLogMax: number;
  }
}
