/**
 * A policy that does what `modern` does, to the last file operation, and takes a known share longer: written to a file, as a user's own
 * would be. Its process times each request and the file operations in it, and after the request spins for that share of the rest.
 * So the planted time is a share of the engine time of that very request, on this machine, at this moment, and no calibration has a say in it.
 */
import fs from 'node:fs';
import path from 'node:path';

/** What one replay under the policy saw of itself, by request. */
export interface Planted {
  /** Engine time inside the calls of the disk, without what was spun. */
  readonly engineNs: readonly number[];
  readonly spunNs: readonly number[];
}

/** How long the slower code spins after each request. */
export interface Plant {
  /** Of the engine time of the request. */
  readonly share: number;
  /** What serving a request takes outside of the calls of the disk, in nanoseconds: the policy cannot see it. */
  readonly outsideNs: number;
  /** What looking at the clock takes that has not to be waited for. */
  readonly idleNs: number;
}

/** Longer than looking at the clock, shorter than an interruption. */
const MOST_LEFT_NS = 1000;

/** All of the timing, and nothing to wait for: what the slower code is compared with. */
export const NO_PLANT: Plant = { share: 0, outsideNs: 0, idleNs: 0 };

export interface SlowerPolicy {
  readonly file: string;
  readonly name: string;
  /** One for each replay, in the order in which they ended. */
  planted(): Planted[];
}

/** Writes the policy to `folder`. */
export function writeSlowerPolicy(folder: string, name: string, plant: Plant): SlowerPolicy {
  const file = path.join(folder, `${name}.ts`);
  const log = path.join(folder, `${name}.log`);
  fs.writeFileSync(file, source(name, plant, log));
  const lines = () => fs.readFileSync(log, 'utf8').split('\n').filter(Boolean);
  return { file, name, planted: () => lines().map((line) => JSON.parse(line) as Planted) };
}

const source = (name: string, { share, outsideNs, idleNs }: Plant, log: string) => `import fs from 'node:fs';
import { createImage, MemoryFile, openFile, openImage, policyPresets } from 'cowbench';

const modern = policyPresets().find(({ name }) => name === 'modern');
const engineNs = [];
const spunNs = [];
let fileMs = 0;
let leftMs = 0;
let depth = 0;
let patched = false;

function inFile(method) {
  return function (...given) {
    const startMs = performance.now();
    try {
      return method.apply(this, given);
    } finally {
      if (depth > 0) fileMs += performance.now() - startMs;
    }
  };
}

function ofGuest(method) {
  return function (...given) {
    if (depth > 0) return method.apply(this, given);
    depth++;
    const fileBeforeMs = fileMs;
    const startMs = performance.now();
    try {
      return method.apply(this, given);
    } finally {
      depth--;
      const ownMs = performance.now() - startMs - (fileMs - fileBeforeMs);
      const dueMs = ${share} * (ownMs + ${outsideNs / 1e6}) + ${idleNs / 1e6} + leftMs;
      const fromMs = performance.now();
      while (performance.now() - fromMs < dueMs);
      const spunMs = performance.now() - fromMs;
      // What was spun too long after one request is spun less after the next; not what an interruption took.
      leftMs = Math.max(dueMs - spunMs, ${-MOST_LEFT_NS / 1e6});
      engineNs.push(Math.round(1e6 * ownMs));
      spunNs.push(Math.round(1e6 * spunMs));
    }
  };
}

function patch(prototype, names, around) {
  for (const name of names) prototype[name] = around(prototype[name]);
}

function patchEngine() {
  patched = true;
  const real = openFile(import.meta.filename, { readOnly: true });
  patch(Object.getPrototypeOf(real), ['read', 'write', 'sync', 'truncate', 'punchHole', 'preallocate'], inFile);
  real.close();
  const memory = new MemoryFile();
  createImage(memory, { sizeBytes: 65536 });
  const image = openImage(memory, { policy: 'modern' });
  patch(Object.getPrototypeOf(image), ['read', 'write', 'flush', 'discard', 'writeZeroes'], ofGuest);
  image.close();
}

export default {
  ...modern,
  name: '${name}',
  create(parts) {
    if (!patched) patchEngine();
    const made = modern.create(parts);
    const { policy } = made;
    const { close } = policy;
    policy.close = () => {
      fs.appendFileSync(${JSON.stringify(log)}, JSON.stringify({ engineNs, spunNs }) + '\\n');
      close.call(policy);
    };
    return made;
  },
};
`;
