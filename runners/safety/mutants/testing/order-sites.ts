/**
 * The places in the image code that state an order, found by scanning its sources: a new one is examined without being listed
 * anywhere.
 */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../../../console/project-root.ts';
import type { RequireSite } from '../require-sites.ts';

const IMAGE_CODE = 'engine/image';
const STATEMENT = /\bpolicy\s*\.require\(/g;

/** In the order of files and lines. */
export function requireSites(): RequireSite[] {
  const files = fs.readdirSync(path.join(PROJECT_ROOT, IMAGE_CODE)).sort();
  return files
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .flatMap((name) => {
      const text = fs.readFileSync(path.join(PROJECT_ROOT, IMAGE_CODE, name), 'utf8');
      return [...text.matchAll(STATEMENT)].map((match) => {
        const line = text.slice(0, match.index + match[0].length).split('\n').length;
        return `${IMAGE_CODE}/${name}:${line}`;
      });
    });
}
