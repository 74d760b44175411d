/** A copy of this program in a git repository of its own, so that commits of it can be planted and compared. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { environmentWithoutRepository } from '../machine/git-command.ts';
import { type Finished, startProgram } from './command.ts';

const COPIED = ['engine', 'workloads', 'runners', 'results', 'dashboards', 'package.json', 'package-lock.json'];
/** Recorded traces and earlier runs are large, and nothing of them is needed. */
const LEFT_OUT = [path.join('workloads', 'traces'), path.join('results', 'runs')];

export class OwnRepository {
  readonly root: string;
  readonly #cache: string;

  /** Makes the repository below `folder`, with one commit: the program as it is now. */
  constructor(folder: string) {
    this.root = path.join(folder, 'program');
    this.#cache = path.join(folder, 'cache');
    for (const name of COPIED) {
      fs.cpSync(path.join(PROJECT_ROOT, name), path.join(this.root, name), { recursive: true, filter: isCopied });
    }
    for (const packages of ['node_modules', 'queue-library/node_modules']) {
      if (!fs.existsSync(path.join(PROJECT_ROOT, packages))) continue;
      fs.mkdirSync(path.dirname(path.join(this.root, packages)), { recursive: true });
      fs.symlinkSync(path.join(PROJECT_ROOT, packages), path.join(this.root, packages));
    }
    fs.writeFileSync(path.join(this.root, '.gitignore'), 'node_modules\n');
    this.git('init', '--quiet', '--initial-branch=main');
    this.commit('as it is');
  }

  git(...words: string[]): string {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', [...identity, ...words], {
      ...{ cwd: this.root, encoding: 'utf8', stdio: 'pipe' },
      // Else the tests of a commit hook would commit into the repository that is being committed to.
      env: environmentWithoutRepository(),
    }).trim();
  }

  commit(message: string): void {
    this.git('add', '--all');
    this.git('commit', '--quiet', '-m', message);
  }

  /** Replaces the one place of `file` that reads `from`. */
  edit(file: string, from: string, to: string): void {
    const place = path.join(this.root, file);
    const text = fs.readFileSync(place, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`${file} does not read "${from}" exactly once`);
    fs.writeFileSync(
      place,
      text.replace(from, () => to),
    );
  }

  /** Starts this copy's `cowbench WORDS`. */
  start(words: readonly string[], variables: NodeJS.ProcessEnv = {}): ReturnType<typeof startProgram> {
    const env = { ...process.env, XDG_CACHE_HOME: this.#cache, ...variables };
    return startProgram(process.execPath, [path.join(this.root, 'runners/cli.ts'), ...words], env);
  }

  /** Runs this copy's `cowbench WORDS`. */
  cowbench(...words: string[]): Promise<Finished> {
    return this.start(words).finished;
  }
}

function isCopied(source: string): boolean {
  return !LEFT_OUT.includes(path.relative(PROJECT_ROOT, source));
}
