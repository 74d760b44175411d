/** Every workload, in the order of lists. A new one of this program is registered here and nowhere else. */
import { backing } from './backing.ts';
import { boot } from './boot.ts';
import { database } from './database.ts';
import { databaseSynthetic } from './database-synthetic.ts';
import { quoted, WorkloadError } from './errors.ts';
import { install } from './install.ts';
import { installBurst } from './install-burst.ts';
import { overwrite } from './overwrite.ts';
import { randomWrite } from './random-write.ts';
import { savevm } from './savevm.ts';
import { sequentialWrite } from './sequential-write.ts';
import { snapshot } from './snapshot.ts';
import { nearest } from './spelling.ts';
import { traceWorkload } from './trace.ts';
import { upgrade } from './upgrade.ts';
import type { Workload, WorkloadContext, WorkloadDefinition } from './workload.ts';

const registry: WorkloadDefinition[] = [
  install,
  installBurst,
  boot,
  upgrade,
  snapshot,
  savevm,
  sequentialWrite,
  randomWrite,
  overwrite,
  backing,
  database,
  databaseSynthetic,
];

/** Those of this program, and those that were registered. */
export const WORKLOADS: readonly WorkloadDefinition[] = registry;

const NAME = /^[a-z][a-z0-9-]*$/;

/** Adds a workload: from now on it is found by its name. @throws WorkloadError for a name that is taken, or is none. */
export function registerWorkload(definition: WorkloadDefinition): void {
  const { name } = definition;
  if (!NAME.test(name))
    throw new WorkloadError(`workload ${quoted(name)}: a name is lower-case letters, digits and hyphens`);
  if (WORKLOADS.some((known) => known.name === name))
    throw new WorkloadError(`workload ${quoted(name)}: a workload with that name exists already`);
  registry.push(definition);
}

const TRACE_PREFIX = 'trace:';

/**
 * Makes the workload `name`, or replays `trace:FILE`, with `parameters` in camelCase or kebab-case, as values or as text.
 * Throws `WorkloadError` on a name or parameter that makes no sense, `TraceError` on a trace that cannot be replayed.
 */
export async function findWorkload(
  name: string,
  parameters: Readonly<Record<string, unknown>>,
  context: WorkloadContext,
): Promise<Workload> {
  return await findDefinition(name).create(parameters, context);
}

/** The definition of workload `name`, for its title and parameters. Throws `WorkloadError`. */
export function findDefinition(name: string): WorkloadDefinition {
  if (name.startsWith(TRACE_PREFIX) && name.length > TRACE_PREFIX.length) {
    return traceWorkload(name.slice(TRACE_PREFIX.length));
  }
  const names = WORKLOADS.map((workload) => workload.name);
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (found !== undefined) return found;
  const guess = nearest(name, names);
  const hint = guess === undefined ? `one of ${names.join(', ')} or trace:FILE` : `did you mean ${guess}?`;
  throw new WorkloadError(`no workload "${name}" (${hint})`);
}
