/**
 * What `import … from 'cowbench'` means in a plug-in: this very program, wherever the file lies and whatever else is installed
 * there. Another copy would have a registry of its own.
 */
import fs from 'node:fs';
import module from 'node:module';

const ENTRIES: Readonly<Record<string, string>> = {
  cowbench: new URL('../../engine/index.ts', import.meta.url).href,
  'cowbench/instruments': new URL('../../engine/instruments/index.ts', import.meta.url).href,
  'cowbench/workloads': new URL('../../workloads/index.ts', import.meta.url).href,
  'cowbench/results': new URL('../../results/index.ts', import.meta.url).href,
};

/** The module that imports plug-ins. */
const LOADER = new URL('./plugin-file.ts', import.meta.url).href;
/** What only an ES module has. */
const MODULE_LINE = /^\s*(?:import|export)\b/m;

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
  const format = formatOf(url);
  return format === null ? next(specifier, context) : { url, format, shortCircuit: true };
};

/** Null: as Node finds. Else Node warns that no package.json next to the file says what kind of module it is. */
function formatOf(url: string): string | null {
  if (/\.ts$/.test(url)) return 'module-typescript';
  return /\.js$/.test(url) && isModule(url) ? 'module' : null;
}

function isModule(url: string): boolean {
  // What is not there is reported, in more words, when Node loads it.
  const text = fs.existsSync(new URL(url)) ? fs.readFileSync(new URL(url), 'utf8') : '';
  return MODULE_LINE.test(text);
}

/** These run in a thread that does not know the plug-ins: whatever the loader imports is one. */
const OLD_HOOKS = [
  "import fs from 'node:fs';",
  `const entries = ${JSON.stringify(ENTRIES)};`,
  `const loader = ${JSON.stringify(LOADER)};`,
  'const plugins = new Set();',
  'export const resolve = (specifier, context, next) => {',
  '  if (specifier in entries) return { url: entries[specifier], shortCircuit: true };',
  '  const isOwn = context.parentURL === loader || plugins.has(context.parentURL);',
  '  if (!isOwn || !/^(\\.\\.?\\/|file:).*\\.js$/.test(specifier)) return next(specifier, context);',
  '  const url = new URL(specifier, context.parentURL);',
  '  plugins.add(url.href);',
  `  if (!fs.existsSync(url) || !${MODULE_LINE}.test(fs.readFileSync(url, 'utf8'))) return next(specifier, context);`,
  "  return { url: url.href, format: 'module', shortCircuit: true };",
  '};',
].join('\n');
