/** The page's script in one piece: our few files, Vega's runtime, its expression interpreter and the tooltip. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

let bundled: Promise<string> | null = null;

async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('browser/main.ts', import.meta.url))],
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

/** Bundled once for each process. */
export function pageScript(): Promise<string> {
  bundled ??= bundle();
  return bundled;
}
