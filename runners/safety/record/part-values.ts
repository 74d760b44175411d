/** What the results of a record's parts may be, as they come from other machines: just what the page reads of each. */
import { z } from 'zod';
import type { BarrierNecessity } from '../explore/barrier-necessity.ts';
import type { Tally } from '../explore/tally.ts';
import { FINDING_CLASSES } from '../judge/state-verdict.ts';
import { MECHANISM_MUTANTS } from '../mutants/mechanism-mutants.ts';
import type { HuntResult } from '../mutants/mutant-hunt.ts';
import { MUTANTS } from '../mutants/mutants.ts';
import type { QemuExploration } from '../qemu/qemu-exploration.ts';

const MUTANT_NAMES: ReadonlySet<string> = new Set([...MUTANTS, ...MECHANISM_MUTANTS].map(({ name }) => name));

const count = z.int().nonnegative();
const words = z
  .string()
  .max(4096)
  .regex(/^\P{Cc}*$/u, 'must be one line');
const kind = z.enum(FINDING_CLASSES);
const anything = z.array(z.unknown()).max(4096);

const example = z.object({
  workload: z.object({
    name: words,
    image: z.object({ clusterSizeBytes: count }),
    before: anything,
    during: anything,
  }),
  example: z.object({ kind, reason: words, value: z.number().nullable(), vector: z.array(count) }),
});

const tally = z.object({
  workloads: count,
  points: count,
  exhaustivePoints: count,
  states: count,
  distinctStates: count,
  findings: z.record(kind, count),
  maxLeakedClusters: count,
  maxAtoms: count,
  maxUndecidedSectors: count,
  repairs: count,
  examples: z.partialRecord(kind, example),
  failedRequests: count,
  firstFailure: words.nullable(),
});

const kill = z.object({
  workload: words,
  clusterSizeBytes: count,
  kind,
  what: words,
  op: words,
  badStates: count,
  states: count,
});

const hunt = z.object({
  mutant: words.refine((name) => MUTANT_NAMES.has(name), 'no mutant of this program'),
  verdict: z.enum(['killed', 'present', 'equivalent', 'unexplained']),
  kill: kill.nullable(),
  why: words.nullable(),
  workloadsTried: count,
});

/** Of what an example is made of again, a page reads nothing; so the subjects of examples and most of their requests' facts go unread. */
export const TallyValue = tally as unknown as z.ZodType<Tally>;
export const HuntValue = hunt as unknown as z.ZodType<HuntResult>;
export const BarrierValue: z.ZodType<BarrierNecessity> = z.object({
  barriers: count,
  loadBearing: count,
  guestWrites: count,
});
/** States by `ours/theirs`. */
export const MatrixValue = z.array(z.tuple([words.regex(/^[a-z]+\/[\w ]+$/), count])).max(100);
export type PeerValue = Omit<QemuExploration, 'tally'> & { readonly tally: Tally<unknown> };
export const PeerValue = z.object({
  name: words,
  tally,
  leftOut: z.array(z.object({ workload: z.object({ name: words }), reason: words })).max(4096),
}) as unknown as z.ZodType<PeerValue>;
export const FindingCounts = z
  .array(z.object({ finding: words, who: words, shown: count, states: count }).readonly())
  .max(1000)
  .readonly();
export const LeakRepairs = z
  .array(
    z.object({ policy: words, op: words, states: count, unclean: count, cleaned: count, changed: count }).readonly(),
  )
  .max(1000)
  .readonly();
