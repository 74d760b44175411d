/** A server of images as a point of a comparison, and its cell of the record. */
import type { Cell } from '../../results/record.ts';
import { unmeasured } from '../../results/unmeasured-cell.ts';
import type { ServedFormat } from './command.ts';

/** What the host's cache does is the command's own affair. */
export const OF_THE_COMMAND = 'of the command';

export interface NbdCellChoice {
  /** What tables and messages call it. */
  readonly name: string;
  /** With places to fill, see `command.ts`; null: our own server, which keeps nothing: what the protocol alone costs. */
  readonly command: string | null;
  /** Of the image that it is given. */
  readonly format: ServedFormat;
  readonly hostCacheMode: typeof OF_THE_COMMAND;
  readonly version: 2 | 3;
  readonly clusterSizeBytes: number;
}

/** The cell before its first sample. */
export function emptyNbdCell(cell: NbdCellChoice & { readonly id: string }, fileSystemType: string): Cell {
  const { id, name, command, format, version, clusterSizeBytes } = cell;
  const isQcow2 = format === 'qcow2' && command !== null;
  return {
    id,
    engine: command === null ? 'null' : 'nbd',
    policy: { name, stage: null, parameters: command === null ? {} : { command, format } },
    hostCacheMode: cell.hostCacheMode,
    image: {
      ...{ version: isQcow2 ? version : null, clusterSizeBytes, refcountBits: isQcow2 ? 16 : 0 },
      ...{ l2CacheTables: 0, refcountCacheTables: 0, options: {} },
    },
    device: { kind: 'real', name: fileSystemType },
    ...unmeasured(),
  };
}
