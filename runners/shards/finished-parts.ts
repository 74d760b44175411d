/**
 * What long work has finished, a line each in a file, so that an interruption costs only what was under way: the same work,
 * begun again, finds it there.
 */
import fs from 'node:fs';

export class FinishedParts {
  readonly #file: string;
  readonly #parts: Map<string, unknown>;

  /** `key` names the work in all that decides its results; parts of other work are thrown away. Values are plain JSON. */
  constructor(file: string, key: unknown) {
    this.#file = file;
    const [first, ...lines] = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : [];
    const head = JSON.stringify({ key });
    this.#parts = first === head ? partsOf(lines) : new Map();
    const kept = [...this.#parts].map(([name, value]) => lineOf(name, value));
    // Rewritten: the last line may be cut off.
    fs.writeFileSync(file, [`${head}\n`, ...kept].join(''));
  }

  get count(): number {
    return this.#parts.size;
  }

  has(name: string): boolean {
    return this.#parts.has(name);
  }

  /** Undefined where the part is not finished. */
  get<Value>(name: string): Value | undefined {
    return this.#parts.get(name) as Value | undefined;
  }

  get all(): ReadonlyMap<string, unknown> {
    return this.#parts;
  }

  keep(name: string, value: unknown): void {
    this.#parts.set(name, value);
    fs.appendFileSync(this.#file, lineOf(name, value));
  }

  /** The work is done. */
  remove(): void {
    fs.rmSync(this.#file);
  }
}

function lineOf(name: string, value: unknown): string {
  return `${JSON.stringify([name, value])}\n`;
}

function partsOf(lines: readonly string[]): Map<string, unknown> {
  const parts = new Map<string, unknown>();
  for (const line of lines) {
    try {
      const [name, value] = JSON.parse(line) as [string, unknown];
      parts.set(name, value);
    } catch {
      // A line cut off by the end of the process: its part is done again.
    }
  }
  return parts;
}
