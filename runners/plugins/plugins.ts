/** Policies and workloads from files of the user's: checked, registered under their names, and known to the records. */
import path from 'node:path';
import { HOST_CACHE_MODES, type PolicyPreset, policyPresets, registerPolicy } from '../../engine/index.ts';
import { registerWorkload } from '../../workloads/registry.ts';
import type { WorkloadDefinition } from '../../workloads/workload.ts';
import { describeFailure, UsageError } from '../console/errors.ts';
import { loadDefaultExport, pluginDigest } from './plugin-file.ts';

export type PluginKind = 'policy' | 'workload';

export interface Plugin {
  readonly kind: PluginKind;
  /** As it is registered. */
  readonly name: string;
  /** An absolute path. */
  readonly file: string;
  /** Of the file and what it imports by relative names. */
  readonly sha256: string;
}

const loaded: Plugin[] = [];

/** In the order in which they were loaded. */
export function loadedPlugins(): readonly Plugin[] {
  return loaded;
}

/**
 * Loads the policy or the workload in `file`, or finds it loaded.
 * @throws UsageError in one line, when it is not there, does not load, exports nothing of that kind, or has a name that is taken.
 */
export async function loadPlugin(kind: PluginKind, file: string): Promise<Plugin> {
  const place = path.resolve(file);
  const known = loaded.find((one) => one.kind === kind && one.file === place);
  if (known !== undefined) return known;
  const sha256 = pluginDigest(kind, place);
  const found = await loadDefaultExport(kind, place);
  const wrong = (why: string) => new UsageError(`--${kind} ${place}: ${why}`);
  const problem = kind === 'policy' ? presetProblem(found) : definitionProblem(found);
  if (problem !== null) throw wrong(problem);
  try {
    if (kind === 'policy') registerPolicy(withCheckedPolicy(found as PolicyPreset, wrong));
    else registerWorkload(found as WorkloadDefinition);
  } catch (error) {
    throw wrong(describeFailure(error).message);
  }
  const plugin = { kind, name: (found as { name: string }).name, file: place, sha256 };
  loaded.push(plugin);
  return plugin;
}

/** What `create` gives is known only when an image is opened. */
function withCheckedPolicy(preset: PolicyPreset, wrong: (why: string) => Error): PolicyPreset {
  const create: PolicyPreset['create'] = (context) => {
    const made: unknown = preset.create(context);
    const { policy } = (made ?? {}) as { readonly policy?: unknown };
    if (typeof policy !== 'object' || policy === null)
      throw wrong('create: expected to return { policy }, an object of a class that extends PolicyBase');
    return made as ReturnType<PolicyPreset['create']>;
  };
  return { ...preset, create };
}

const PRESET_HINT =
  'export default { name, summary, behaviour, hostCacheMode, create } as examples/eager-policy.ts does';
const DEFINITION_HINT = 'export default defineWorkload({ … }) as examples/log-workload.ts does';

/** What keeps `found` from being a policy; null when nothing does. */
function presetProblem(found: unknown): string | null {
  if (found === undefined) return `no default export; ${PRESET_HINT}`;
  if (typeof found !== 'object' || found === null) return `its default export is no policy; ${PRESET_HINT}`;
  const { name, summary, behaviour, hostCacheMode, create } = found as Partial<Record<keyof PolicyPreset, unknown>>;
  if (typeof name !== 'string') return `name: expected a text; ${PRESET_HINT}`;
  if (typeof summary !== 'string') return `summary: expected a text; ${PRESET_HINT}`;
  if (typeof create !== 'function') return `create: expected a function; ${PRESET_HINT}`;
  if (!HOST_CACHE_MODES.some((mode) => mode === hostCacheMode))
    return `hostCacheMode: expected one of ${HOST_CACHE_MODES.join(', ')}`;
  return behaviourProblem(behaviour);
}

function behaviourProblem(behaviour: unknown): string | null {
  if (typeof behaviour !== 'object' || behaviour === null)
    return 'behaviour: expected an object, such as { ...STAGES.S4b.behaviour }';
  const known = Object.keys(policyPresets()[0]!.behaviour);
  const missing = known.find((name) => !(name in behaviour));
  if (missing !== undefined) return `behaviour.${missing} is missing; begin with ...STAGES.S4b.behaviour`;
  const surplus = Object.keys(behaviour).find((name) => !known.includes(name));
  return surplus === undefined ? null : `behaviour.${surplus} is unknown; there are ${known.join(', ')}`;
}

/** What keeps `found` from being a workload; null when nothing does. */
function definitionProblem(found: unknown): string | null {
  if (found === undefined) return `no default export; ${DEFINITION_HINT}`;
  const { name, title, parameters, create } = (found ?? {}) as Partial<Record<keyof WorkloadDefinition, unknown>>;
  if (
    typeof name !== 'string' ||
    typeof title !== 'string' ||
    !Array.isArray(parameters) ||
    typeof create !== 'function'
  )
    return `its default export is no workload; ${DEFINITION_HINT}`;
  return null;
}
