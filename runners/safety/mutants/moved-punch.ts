/** Requests served by something that gives clusters back to the file system too early. */

import type { CrashRequest } from '../requests/crash-workload.ts';
import type { Alteration } from '../states/alteration.ts';

/**
 * What a request moves elsewhere is punched at its old place as soon as the request is done, whether or not the file still says that it
 * is there. Not in images with snapshots, which may need the old place.
 */
export const punchMoved: NonNullable<Alteration['aroundRequest']> = (serve, request, image, file) => {
  const before = image.listSnapshots().length === 0 ? placeOf(request, image) : null;
  serve();
  if (before === null) return;
  const after = placeOf(request, image);
  if (after?.hostOffset !== before.hostOffset) file.punchHole(before.hostOffset, before.lengthBytes);
};

/** Where the first clusters lie that the request is about, if they lie anywhere. */
function placeOf(request: CrashRequest, image: Parameters<typeof punchMoved>[2]) {
  if (request.op !== 'write' && request.op !== 'write-compressed' && request.op !== 'discard') return null;
  const { hostOffset, lengthBytes } = image.map(request.offset, request.length);
  return hostOffset === null ? null : { hostOffset, lengthBytes };
}
