/** The programs from outside that tests run, and the Debian packages that bring them (`package.json`, "cowbench", "testTools"). */
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../console/project-root.ts';

export interface TestTools {
  /** Program → package. */
  readonly packages: Readonly<Record<string, string>>;
  /** Programs that are in no folder of the PATH. */
  readonly missing: readonly string[];
}

export function testTools(searchPath = process.env.PATH ?? ''): TestTools {
  const manifest = JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8'));
  const packages = (manifest as { cowbench: { testTools: Record<string, string> } }).cowbench.testTools;
  const folders = searchPath.split(path.delimiter).filter((folder) => folder !== '');
  const isThere = (tool: string) => folders.some((folder) => fs.existsSync(path.join(folder, tool)));
  return { packages, missing: Object.keys(packages).filter((tool) => !isThere(tool)) };
}

/** What a test that was left out for the lack of a program says. */
export function leftOutReason(tool: string): string {
  return `NOT TESTED: needs ${tool}`;
}

/** The program that the reason of a skipped test names; null when it names none of those that tests run. */
export function toolOf(reason: string, { packages }: TestTools): string | null {
  return reason.match(/[\w-]+/g)?.find((word) => word in packages) ?? null;
}

/** The command that installs the packages of these programs. */
export function installCommand(tools: readonly string[], { packages }: TestTools): string {
  const wanted = [...new Set(tools.map((tool) => packages[tool] ?? tool))].sort();
  return `sudo apt-get install --no-install-recommends ${wanted.join(' ')}`;
}
