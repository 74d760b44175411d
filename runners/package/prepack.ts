/**
 * `npm pack` and `npm publish` run this before they pack, and again with `--restore` when they have: in between, `package.json` is that of
 * the package. A copy of the checkout's own is kept, also for the next time should npm be stopped in between.
 */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { buildPackage, KOFFI } from './build.ts';
import { publishedManifest } from './manifest.ts';

const MANIFEST = path.join(PROJECT_ROOT, 'package.json');
const KEPT = path.join(PROJECT_ROOT, '.package.json.checkout.tmp');

const read = (file: string) => fs.readFileSync(file, 'utf8');

function restore(): void {
  if (fs.existsSync(KEPT)) fs.renameSync(KEPT, MANIFEST);
}

restore();
if (!process.argv.includes('--restore')) {
  await buildPackage();
  fs.copyFileSync(MANIFEST, KEPT);
  fs.writeFileSync(MANIFEST, publishedManifest(read(KEPT), read(path.join(KOFFI, 'package.json'))));
}
