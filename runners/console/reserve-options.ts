/** The values of `--reserve` and `--preparation`, which `bench`, `serve` and `crash` share. */
import {
  policyNamed,
  policyPresets,
  RESERVE_CLUSTERS_MIN,
  RESERVE_PREPARATIONS,
  type ReserveOptions,
  type ReservePreparation,
} from '../../engine/index.ts';
import { UsageError } from './errors.ts';
import { unknownWord } from './suggest.ts';

export function preparationNamed(option: string, word: string): ReservePreparation {
  const how = RESERVE_PREPARATIONS.find((name) => name === word);
  if (how !== undefined) return how;
  throw new UsageError(`--${option}: ${unknownWord('preparation', word, RESERVE_PREPARATIONS)}`);
}

/** @throws UsageError for a reserve of too few clusters. */
export function requireReserveBytes({ maxBytes }: ReserveOptions, clusterSizeBytes: number): void {
  const least = RESERVE_CLUSTERS_MIN * clusterSizeBytes;
  if (maxBytes === undefined || maxBytes >= least) return;
  throw new UsageError(
    `--reserve: ${maxBytes} bytes are fewer than ${RESERVE_CLUSTERS_MIN} clusters of ${clusterSizeBytes} (${least} bytes), the least that a reserve has`,
  );
}

/** @throws UsageError where option `given` is about a reserve and none of `policies` has one. */
export function refuseUnlessReserved(given: string | undefined, policies: readonly string[]): void {
  if (given === undefined || policies.some((name) => policyNamed(name).reserves === true)) return;
  const have = policyPresets().filter(({ reserves }) => reserves === true);
  const which = policies.length === 1 ? `policy ${policies[0]} has no reserve` : 'no policy of this run has a reserve';
  throw new UsageError(`--${given}: ${which}; ${have.map(({ name }) => name).join(', ')} has`);
}
