/**
 * The page's script in one piece: our few files, Vega's runtime, its expression interpreter and the tooltip. An installed package
 * has it built already; a checkout builds it from the sources as they are.
 */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where an installed package has the script, next to this module. */
export const BUILT_SCRIPT = 'page-script.js.txt';

let script: Promise<string> | null = null;

/** One of the scripts in `browser`, with what it imports. */
async function bundle(entry: string): Promise<string> {
  const { build } = await import('esbuild');
  const result = await build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const text = result.outputFiles[0]?.text ?? '';
  // Inside a script element only these sequences could end it or open a comment; in code they stand in strings alone.
  return text.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
}

/** Bundled, or read, once for each process. */
export function pageScript(): Promise<string> {
  const built = new URL(BUILT_SCRIPT, import.meta.url);
  script ??= fs.existsSync(built) ? Promise.resolve(fs.readFileSync(built, 'utf8')) : bundle('browser/main.ts');
  return script;
}

/** The script of the search page of the documents; for a checkout only. */
export function searchScript(): Promise<string> {
  return bundle('browser/search.ts');
}
