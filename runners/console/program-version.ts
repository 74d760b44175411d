import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from './project-root.ts';

/** Version of the program at `root`, by default this one. */
export function programVersion(root = PROJECT_ROOT): string {
  return (JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
