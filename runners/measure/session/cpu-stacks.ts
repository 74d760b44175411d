/** A CPU profile in V8's own format as call paths: what calls the same function at the same place is one frame. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { CpuStacks } from '../../../results/record.ts';

const CallFrame = z.object({
  functionName: z.string(),
  url: z.string(),
  /** Counted from 0; -1 where there is no source. */
  lineNumber: z.int().default(-1),
});

export const CpuProfile = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: CallFrame, children: z.array(z.number()).default([]) })),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
export type CpuProfile = z.infer<typeof CpuProfile>;

type Place = Pick<CpuStacks['functions'][number], 'name' | 'place' | 'part'>;

export interface Frame extends Place {
  readonly key: string;
  readonly callees: Map<string, Frame>;
  selfUs: number;
  totalUs: number;
}

/** Paths of less are left out: they would be narrower than three pixels. */
export const LEAST_SHARE = 0.005;
/** What is called deeper counts as its caller's total. */
export const MOST_DEPTH = 64;
const MOST_FUNCTIONS = 10;
const LONGEST_NAME = 200;
const TOP = '(root)';
/** Nothing ran: no CPU time. */
const IDLE = '(idle)';
const PROFILER = 'node:inspector';
const GC = '(garbage collector)';

/** Samples by node, in microseconds. */
export function selfTimes({ samples, timeDeltas }: CpuProfile): Map<number, number> {
  const selfUs = new Map<number, number>();
  for (const [index, id] of samples.entries())
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  return selfUs;
}

/** `engine/image` and the like for files of the program, which lies in `root`; system calls are native functions of Node. */
export function partName({ functionName, url }: CpuProfile['nodes'][number]['callFrame'], root: string): string {
  if (functionName === GC) return 'garbage collector';
  if (functionName === '(program)' || functionName === IDLE) return 'idle and native code';
  if (url.startsWith('node:') || url === '') return 'Node, system calls included';
  if (!url.startsWith('file:')) return 'packages';
  const own = ownFile(url, root);
  if (own === null && url.includes('/node_modules/')) return 'packages';
  return /^(engine\/\w+|runners|workloads|results)\//.exec(own ?? '')?.[1] ?? 'plugins';
}

/** The path within the program or within `node_modules`; of a file elsewhere its name alone, since a record names no folder. */
function fileName(url: string, root: string): string {
  if (!url.startsWith('file:')) return url;
  const file = fileURLToPath(url);
  return ownFile(url, root) ?? /.*node_modules\/(.*)$/.exec(file)?.[1] ?? path.basename(file);
}

/** The path within the program; null for what is not its own. The program itself may lie in a folder of packages. */
function ownFile(url: string, root: string): string | null {
  const own = path.relative(root, fileURLToPath(url));
  return own.startsWith('..') || own.includes('node_modules') ? null : own;
}

function placeOf(callFrame: CpuProfile['nodes'][number]['callFrame'], root: string): Place {
  const { functionName, url, lineNumber } = callFrame;
  const file = fileName(url, root);
  return {
    name: (functionName === '' ? '(anonymous)' : functionName).slice(0, LONGEST_NAME),
    place: file === '' || lineNumber < 0 ? file : `${file}:${lineNumber + 1}`,
    part: partName(callFrame, root),
  };
}

/** Idleness, and the start of the profiler itself. */
function isLeftOut({ functionName, url }: CpuProfile['nodes'][number]['callFrame']): boolean {
  return functionName === IDLE || url === PROFILER;
}

/** A function that calls and is called by nothing yet. */
function frameOf(place: Place): Frame {
  return { ...place, key: `${place.name}\n${place.place}`, callees: new Map(), selfUs: 0, totalUs: 0 };
}

/** The tree of calls without any: its root is no function. */
export function emptyTree(): Frame {
  return frameOf({ name: TOP, place: '', part: '' });
}

/** Adds the calls of a profile to the tree `top`, without what is left out. `inFile`: a function is known by its file, whatever its line. */
export function addCalls(top: Frame, profile: CpuProfile, root: string, inFile = false): void {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const selfUs = selfTimes(profile);
  const known = (callFrame: CpuProfile['nodes'][number]['callFrame']) => {
    const place = placeOf(callFrame, root);
    return inFile ? { ...place, place: place.place.replace(/:\d+$/, '') } : place;
  };
  /** Adds a node's time and that of all that it calls to `frame`; returns the sum. */
  const add = (id: number, frame: Frame): number => {
    const own = selfUs.get(id) ?? 0;
    let sum = own;
    for (const callee of nodes.get(id)?.children ?? []) {
      const { callFrame } = nodes.get(callee)!;
      if (isLeftOut(callFrame)) continue;
      const place = frameOf(known(callFrame));
      const called = frame.callees.get(place.key) ?? place;
      frame.callees.set(place.key, called);
      sum += add(callee, called);
    }
    frame.selfUs += own;
    frame.totalUs += sum;
    return sum;
  };
  const called = new Set(profile.nodes.flatMap(({ children }) => children));
  for (const { id } of profile.nodes) if (!called.has(id)) add(id, top);
}

const ns = (us: number) => Math.round(us * 1000);

function drawnFrames(top: Frame): CpuStacks['frames'] {
  const frames: CpuStacks['frames'] = [];
  const lay = (caller: Frame, depth: number, fromUs: number): void => {
    let startUs = fromUs;
    for (const frame of [...caller.callees.values()].sort((a, b) => b.totalUs - a.totalUs)) {
      const { name, place, part, selfUs, totalUs } = frame;
      if (totalUs === 0 || totalUs < LEAST_SHARE * top.totalUs || depth >= MOST_DEPTH) break;
      frames.push({ depth, name, place, part, startNs: ns(startUs), totalNs: ns(totalUs), selfNs: ns(selfUs) });
      lay(frame, depth + 1, startUs);
      startUs += totalUs;
    }
  };
  lay(top, 0, 0);
  return frames;
}

function costliestFunctions(top: Frame): CpuStacks['functions'] {
  const found = new Map<string, Place & { selfUs: number; totalUs: number }>();
  const onPath = new Set<string>();
  const visit = (frame: Frame): void => {
    const { key, name, place, part } = frame;
    const known = found.get(key) ?? { name, place, part, selfUs: 0, totalUs: 0 };
    found.set(key, known);
    known.selfUs += frame.selfUs;
    const isOuter = !onPath.has(key);
    if (isOuter) known.totalUs += frame.totalUs;
    onPath.add(key);
    for (const callee of frame.callees.values()) visit(callee);
    if (isOuter) onPath.delete(key);
  };
  for (const frame of top.callees.values()) visit(frame);
  return [...found.values()]
    .filter(({ selfUs }) => selfUs > 0)
    .sort((a, b) => b.selfUs - a.selfUs)
    .slice(0, MOST_FUNCTIONS)
    .map(({ selfUs, totalUs, ...place }) => ({ ...place, selfNs: ns(selfUs), totalNs: ns(totalUs) }));
}

/** Call paths and the costliest functions of profiles, added up; files are named from `root`, the folder of the program that was profiled. */
export function foldProfiles(profiles: readonly CpuProfile[], root: string): CpuStacks {
  const top = emptyTree();
  for (const profile of profiles) addCalls(top, profile, root);
  return { totalNs: ns(top.totalUs), frames: drawnFrames(top), functions: costliestFunctions(top) };
}
