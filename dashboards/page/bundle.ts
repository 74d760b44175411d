/**
 * The page's script in one piece: our few files, Vega's runtime, its expression interpreter and the tooltip. An installed package
 * has it built already; a checkout builds it from the sources as they are.
 */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where an installed package has the script, next to this module. */
export const BUILT_SCRIPT = 'page-script.js.txt';

let script: Promise<string> | null = null;

/** A script for a page, with what it imports; for a checkout, where the sources are. */
export async function bundleScript(entry: URL): Promise<string> {
  const { build } = await import('esbuild');
  const result = await build({
    entryPoints: [fileURLToPath(entry)],
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
  script ??= fs.existsSync(built)
    ? Promise.resolve(fs.readFileSync(built, 'utf8'))
    : bundleScript(new URL('browser/main.ts', import.meta.url));
  return script;
}
