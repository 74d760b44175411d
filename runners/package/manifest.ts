/**
 * The `package.json` of the installed form, made from that of the checkout: entry points lead to what is built, and what only a
 * checkout uses is left out.
 */
import type { RunRecord } from '../../results/record.ts';

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly cowbench: { readonly worker: string };
}

/** Where the build puts the loader of koffi: it looks for its binaries three folders up, next to the package. */
export const KOFFI_LOADER = 'koffi/indirect.cjs';

/** What of the checkout's manifest holds for a package. */
const KEPT = [
  ...['name', 'version', 'description', 'license', 'type', 'engines'],
  ...['dependencies', 'peerDependencies', 'peerDependenciesMeta'],
];
/** What `npm pack` packs besides what it always packs: this file, README, LICENSE. */
const FILES = ['dist', 'examples/*.ts', 'CHANGELOG.md'];

/**
 * The text of the package's own `package.json`. Of `koffi` (with this manifest) only the binaries for Linux are needed: with the whole of
 * it npm asks every user to approve its install script, which compiles it where there is no binary.
 */
export function publishedManifest(checkout: string, koffi: string): string {
  const { optionalDependencies } = JSON.parse(koffi) as { readonly optionalDependencies: Record<string, string> };
  const binaries = Object.entries(optionalDependencies).filter(([name]) => /\/koffi-linux-/.test(name));
  const manifest = JSON.parse(checkout) as Manifest & Record<string, unknown>;
  const built = (place: string, ending: string) => place.replace(/^\.\/(.*)\.ts$/, `./dist/$1${ending}`);
  const entries = Object.entries(manifest.exports).map(([name, place]) => [
    name,
    { types: built(place, '.d.ts'), default: built(place, '.js') },
  ]);
  return text({
    ...Object.fromEntries(KEPT.map((name) => [name, manifest[name]])),
    optionalDependencies: Object.fromEntries(binaries),
    files: FILES,
    exports: Object.fromEntries(entries),
    bin: Object.fromEntries(Object.entries(manifest.bin).map(([name, place]) => [name, built(place, '.js')])),
  });
}

/** The text of `dist/package.json`: what the built program asks about itself. `source` is the state that it was built from. */
export function builtManifest(checkout: string, source: RunRecord['source']): string {
  const { version, cowbench } = JSON.parse(checkout) as Manifest;
  const worker = cowbench.worker.replace(/\.ts$/, '.js');
  return text({
    ...{ name: 'cowbench', version, type: 'module', imports: { '#koffi': `./${KOFFI_LOADER}` } },
    cowbench: { worker, builtFrom: source },
  });
}

function text(manifest: object): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
