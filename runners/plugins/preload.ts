/**
 * Loaded first by processes and threads of a run with plug-ins (`--import preload.ts?policy=FILE`): they know policies and workloads
 * by the names under which this registers them.
 */
import { loadPlugin, type PluginKind } from './plugins.ts';

for (const [kind, file] of new URL(import.meta.url).searchParams) await loadPlugin(kind as PluginKind, file);
