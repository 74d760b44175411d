/** The words that make another process or thread of this program know the same policies and workloads. */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../console/errors.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { loadedPlugins } from './plugins.ts';

const PLACE = 'runners/plugins/preload';

/**
 * Options of Node for the program at `root`: what this process itself loaded first, and the plug-ins.
 * @throws UsageError when that program, an earlier commit, knows no plug-ins.
 */
export function preloads(root = PROJECT_ROOT): string[] {
  const own = root === PROJECT_ROOT ? ownImports(process.execArgv) : [];
  const plugins = loadedPlugins();
  if (plugins.length === 0) return own;
  const place = ['.ts', '.js'].map((ending) => path.join(root, PLACE + ending)).find((file) => fs.existsSync(file));
  if (place === undefined)
    throw new UsageError(`the commit in ${root} loads no ${plugins[0]!.kind} from a file: it is too old`);
  const url = pathToFileURL(place);
  for (const { kind, file } of plugins) url.searchParams.append(kind, file);
  return [...own, '--import', url.href];
}

/** They may register policies, too. */
function ownImports(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    if (word.startsWith('--import=')) return [word];
    return word === '--import' ? words.slice(index, index + 2) : [];
  });
}
