/** The layers that an open image puts around its files pass on what they have no duty in: every operation, as it was asked for. */
import { StaleTables } from '../cache/stale-tables.ts';
import type { BlockFile } from '../io/block-file.ts';
import { MemoryFile } from '../io/memory-file.ts';
import { StagedFile } from '../io/staged-file.ts';
import { blockFileSuite, wrapperSuite } from '../testing/block-file-suite.ts';
import { AttemptedWrites } from './attempted-writes.ts';
import { OverlapGuard } from './overlap.ts';
import { Seal, SealedFile } from './sealed-file.ts';

const LAYERS: Readonly<Record<string, (inner: BlockFile) => BlockFile>> = {
  'sealed file': (inner) => new SealedFile(inner, new Seal()),
  'attempted writes': (inner) => new AttemptedWrites(inner),
  'stale tables': (inner) => new StaleTables(inner, 65_536),
  'overlap guard': (inner) => new OverlapGuard(inner, 'all', new Seal()),
};

for (const [name, wrap] of Object.entries(LAYERS)) {
  blockFileSuite(name, () => wrap(new MemoryFile()));
  wrapperSuite(name, wrap);
}

// Nothing reaches the file below before it is committed.
blockFileSuite('staged file', () => new StagedFile(new MemoryFile()));
