/** The properties that a fuzzer watches, and the guard around every step that finds out which does not hold. */
import { Qcow2Error } from '../../../engine/index.ts';
import { AllocationRefused, resetMeter } from './allocation-meter.ts';

export const PROPERTIES = ['exception', 'memory', 'hang', 'refused image changed', 'growth', 'clean image'] as const;
export type Property = (typeof PROPERTIES)[number];

/** A property that does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly property: Property;
  readonly step: string;

  constructor(property: Property, step: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.property = property;
    this.step = step;
  }
}

const MEMORY_LIMIT_BYTES = 64 * 1024 ** 2;

/** Runs one step and returns its error, if it failed as it may. */
export function guarded(step: string, act: () => void): Qcow2Error | null {
  resetMeter(MEMORY_LIMIT_BYTES);
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof Violation) throw error;
    if (error instanceof Qcow2Error) {
      if (error.message === '' || /[\n\r]/.test(error.message)) {
        throw new Violation('exception', step, `not one line: ${JSON.stringify(error.message)}`, error);
      }
      return error;
    }
    if (error instanceof AllocationRefused) throw new Violation('memory', step, error.message, error);
    throw new Violation('exception', step, error instanceof Error ? error.message : String(error), error);
  } finally {
    resetMeter(Number.POSITIVE_INFINITY);
  }
}
