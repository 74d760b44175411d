/**
 * Counts the bytes of typed arrays that code asks for, by standing in for their constructors. Exact where sampling the process's
 * memory is not: an array that is garbage at once, or whose pages were never touched, counts too. What is copied from an existing
 * array (`slice`) is not counted: it is as large as what was counted already.
 */

const MEASURED = ['ArrayBuffer', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'Int32Array', 'Float64Array'] as const;
type Measured = (typeof MEASURED)[number];

let allocatedBytes = 0;
let refuseAboveBytes = Number.POSITIVE_INFINITY;

/** More memory than the meter allows was asked for, at once or in sum since the last {@link resetMeter}. */
export class AllocationRefused extends Error {
  override readonly name = 'AllocationRefused';
}

/** Begins to count, in this thread, permanently. */
export function installMeter(): void {
  for (const name of MEASURED) Reflect.set(globalThis, name, metered(globalThis[name], bytesPerUnit(name)));
}

/** Counts from zero again, and refuses what goes past `limitBytes`. */
export function resetMeter(limitBytes: number): void {
  allocatedBytes = 0;
  refuseAboveBytes = limitBytes;
}

function bytesPerUnit(name: Measured): number {
  return name === 'ArrayBuffer' ? 1 : globalThis[name].BYTES_PER_ELEMENT;
}

function metered<Type extends new (...args: never[]) => object>(type: Type, unitBytes: number): Type {
  return new Proxy(type, {
    construct(target, args, newTarget) {
      const [length] = args as unknown[];
      if (typeof length === 'number') {
        allocatedBytes += length * unitBytes;
        if (allocatedBytes > refuseAboveBytes) {
          throw new AllocationRefused(`${allocatedBytes} bytes of arrays, the last of ${length * unitBytes}`);
        }
      }
      return Reflect.construct(target, args, newTarget) as object;
    },
  });
}
