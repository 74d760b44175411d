/** A project with the built package in it, as npm would install it, next to links to the packages of this checkout. */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../console/project-root.ts';

const MODULES = path.join(PROJECT_ROOT, 'node_modules');
/** What only a checkout has. */
const LEFT_OUT = ['.bin', '.package-lock.json', '@clinic', 'cowbench', 'esbuild', 'koffi', 'node', 'pg-boss'];

/** Links everything that the package may need below `project`; gives the folder for the package itself. */
export function linkPackages(project: string): string {
  const place = path.join(project, 'node_modules');
  fs.mkdirSync(path.join(place, 'cowbench'), { recursive: true });
  for (const name of fs.readdirSync(MODULES)) {
    if (!LEFT_OUT.includes(name)) fs.symlinkSync(path.join(MODULES, name), path.join(place, name));
  }
  return path.join(place, 'cowbench');
}
