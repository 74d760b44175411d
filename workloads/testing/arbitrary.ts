/** fast-check arbitraries of guest requests. */
import fc from 'fast-check';
import { SECTOR_BYTES } from '../../engine/base/units.ts';
import type { GuestRequest } from '../request.ts';

/** Fixed, so that a failure is found again; fast-check prints it together with the counter-example. */
export const SEED = 20261122;

const sectors = (least: number, most: number) =>
  fc.integer({ min: least, max: most }).map((count) => count * SECTOR_BYTES);

/** Requests that an iolog of version 3 holds as they are: with times, and without zeroes. */
export function timedRequests(): fc.Arbitrary<GuestRequest[]> {
  const transfer = fc.record(
    {
      op: fc.constantFrom('read' as const, 'write' as const, 'discard' as const),
      offset: fc.oneof(sectors(0, 100), sectors(0, 2 ** 41)),
      length: sectors(1, 4096),
      atUs: fc.nat({ max: 2 ** 40 }),
    },
    { noNullPrototype: true },
  );
  const flush = fc.record(
    { op: fc.constant('flush' as const), atUs: fc.nat({ max: 2 ** 40 }) },
    { noNullPrototype: true },
  );
  return fc.array(fc.oneof({ weight: 3, arbitrary: transfer }, flush), { maxLength: 60 });
}

/** A copy without the time. */
export function untimed(request: GuestRequest): GuestRequest {
  const { atUs: _, ...rest } = request as GuestRequest & { atUs?: number };
  return rest as GuestRequest;
}
