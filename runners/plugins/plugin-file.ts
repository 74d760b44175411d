/** A file of the user's that is a policy or a workload: what it consists of, and loading it, with one line for whatever is wrong with it. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../console/errors.ts';
import { textOfFile } from '../console/text-of-file.ts';
import { letPluginImport } from './resolve-cowbench.ts';

/** A larger file is no source of a policy. */
const MOST_BYTES = 64 * 1024 * 1024;

const IMPORTED =
  /^\s*(?:import|export)\s[^'"]*?from\s*['"](\.{1,2}\/[^'"]+)['"]|(?:^\s*import|\b(?:import|require)\s*\()\s*['"](\.{1,2}\/[^'"]+)['"]/gm;

/**
 * The digest of `file` and of what it imports by relative names, in hexadecimal digits.
 * @throws UsageError when it cannot be read.
 */
export function pluginDigest(option: string, file: string): string {
  const files = new Set([file]);
  const hash = createHash('sha256');
  for (const one of files) {
    const text = contentOf(option, file, one);
    hash.update(`${Buffer.byteLength(text)}\n${text}`);
    for (const [, from, bare] of text.matchAll(IMPORTED)) {
      const place = path.resolve(path.dirname(one), (from ?? bare)!);
      // What is not there is reported, in more words, when the file is loaded.
      if (fs.existsSync(place)) files.add(place);
    }
  }
  return hash.digest('hex');
}

function contentOf(option: string, plugin: string, file: string): string {
  try {
    return textOfFile(file, MOST_BYTES);
  } catch (error) {
    throw new UsageError(`--${option} ${plugin}: ${(error as Error).message}`);
  }
}

/** What `file` exports by default. @throws UsageError that names the file, and what to do. */
export async function loadDefaultExport(option: string, file: string): Promise<unknown> {
  const url = pathToFileURL(file).href;
  letPluginImport(url);
  let module: { readonly default?: unknown };
  try {
    module = await import(url);
  } catch (error) {
    throw new UsageError(`--${option} ${file}: ${loadFailure(error, url)}`);
  }
  return module.default;
}

function loadFailure(error: unknown, url: string): string {
  const { code, message = String(error), name, stack = '' } = error as NodeJS.ErrnoException;
  const line = stack.split(`${url}:`)[1]?.match(/^\d+/)?.[0];
  const where = line === undefined ? '' : ` (line ${line})`;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[mc]?ts$/.test(url))
    return `TypeScript needs Node 22.18 or newer, and this is ${process.versions.node}: compile it to .mjs`;
  if (code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING')
    return 'Node loads no TypeScript below node_modules: compile it to .mjs';
  if (name === 'SyntaxError' && /outside a module/.test(message)) return 'an ES module is expected: name it .mjs';
  if (name === 'SyntaxError') return `syntax error: ${message}${where}`;
  if (code === 'ERR_MODULE_NOT_FOUND') return message;
  return `fails when it is loaded: ${message}${where}`;
}
