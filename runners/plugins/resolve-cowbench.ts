/**
 * What `import … from 'cowbench'` means in a plug-in: this very program, wherever the file lies and whatever else is installed
 * there. Another copy would have a registry of its own.
 */
import module from 'node:module';

const ENTRIES: Readonly<Record<string, string>> = {
  cowbench: new URL('../../engine/index.ts', import.meta.url).href,
  'cowbench/instruments': new URL('../../engine/instruments/index.ts', import.meta.url).href,
  'cowbench/workloads': new URL('../../workloads/index.ts', import.meta.url).href,
  'cowbench/results': new URL('../../results/index.ts', import.meta.url).href,
};

const plugins = new Set<string>();
let isReady = false;

/** From now on the file at `url` can be imported, and it imports this program by name. */
export function letPluginImport(url: string): void {
  plugins.add(url);
  if (isReady) return;
  isReady = true;
  // Node 20 and 22.14 have only hooks in a thread of their own.
  if (module.registerHooks === undefined) module.register(`data:text/javascript,${encodeURIComponent(OLD_HOOKS)}`);
  else module.registerHooks({ resolve });
}

const resolve: module.ResolveHookSync = (specifier, context, next) => {
  const own = ENTRIES[specifier];
  if (own !== undefined) return { url: own, shortCircuit: true };
  const isPlugin = plugins.has(specifier);
  if (!isPlugin && !(plugins.has(context.parentURL ?? '') && /^\.\.?\//.test(specifier)))
    return next(specifier, context);
  const url = new URL(specifier, context.parentURL).href;
  plugins.add(url);
  // Else Node warns that no package.json next to the file says what kind of module it is.
  if (/\.ts$/.test(url)) return { url, format: 'module-typescript', shortCircuit: true };
  return next(specifier, context);
};

const OLD_HOOKS = [
  `const entries = ${JSON.stringify(ENTRIES)};`,
  'export const resolve = (specifier, context, next) =>',
  '  specifier in entries ? { url: entries[specifier], shortCircuit: true } : next(specifier, context);',
].join('\n');
