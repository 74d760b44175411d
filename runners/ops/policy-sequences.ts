/**
 * The sequences of file events in `docs/policies.md`, made by the engine itself: `npm run docs:policies` writes them between the
 * markers, a test compares them.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type HostCacheMode, policyPresets, STAGE_IDS } from '../../engine/index.ts';
import { runOps } from './run.ts';
import { parseScript } from './script.ts';
import { joinSigns, signOf } from './sequence.ts';
import type { OpsSubject } from './subject.ts';

export const POLICIES_PAGE = path.join(import.meta.dirname, '../../docs/policies.md');

/** What a guest does, in the order of a life; a line without a title only prepares. */
const LIFE: readonly (readonly [title: string | null, op: string])[] = [
  [null, 'w 0 65536'],
  ['allocate a whole cluster', 'w 65536 65536'],
  ['allocate by writing part of a cluster', 'w 200704 4096'],
  ['rewrite in place', 'w 0 65536'],
  ['allocate where a new L2 table is needed', 'w 536870912 65536'],
  ['guest flush, tables dirty', 'f'],
  ['guest flush, nothing to do', 'f'],
  ['create a snapshot', 'snap s'],
  [null, 'f'],
  ['first overwrite after the snapshot (copies the L2 table)', 'w 0 65536'],
  ['overwrite after a snapshot, a whole cluster', 'w 65536 65536'],
  ['overwrite after a snapshot, part of a cluster', 'w 200704 4096'],
  [null, 'f'],
  ['go back to the snapshot', 'goto s'],
  [null, 'f'],
  ['delete the snapshot', 'del s'],
];

const TABLES_CACHED = 16;
const L2_TABLE_MAPS = 536870912;

/** One L2 table more than the cache holds, all changed; then a read that makes room for another. */
const EVICTION: typeof LIFE = [
  ...Array.from({ length: TABLES_CACHED + 1 }, (_, n) => [null, `w ${n * L2_TABLE_MAPS} 65536`] as const),
  [null, 'f'],
  ...Array.from({ length: TABLES_CACHED }, (_, n) => [null, `w ${n * L2_TABLE_MAPS + 65536} 65536`] as const),
  ['read through an uncached L2 table while all cached ones are dirty', `r ${TABLES_CACHED * L2_TABLE_MAPS} 65536`],
];

const MODES: readonly HostCacheMode[] = ['writethrough', 'writeback'];

type Row = readonly [title: string, ...sequences: string[]];

/** Rows of a stage or policy: what happens, and the sequence in each mode. */
async function rowsOf(subject: OpsSubject, directory: string): Promise<Row[]> {
  const perMode = await Promise.all(
    MODES.map(async (mode) => [
      ...(await sequencesOf('life', 1073741824, LIFE, subject, mode, directory)),
      ...(await sequencesOf('eviction', 34359738368, EVICTION, subject, mode, directory)),
    ]),
  );
  return perMode[0]!.map(([title, first], index): Row => [title, first, perMode[1]![index]![1]]);
}

async function sequencesOf(
  name: string,
  sizeBytes: number,
  scene: typeof LIFE,
  subject: OpsSubject,
  cache: HostCacheMode,
  directory: string,
): Promise<[string, string][]> {
  const script = parseScript([`#@ size=${sizeBytes}`, ...scene.map(([, op]) => op)].join('\n'), `${name}-${cache}.ops`);
  const signs: string[][] = [];
  await runOps(script, {
    ...subject,
    cache,
    directory,
    onLabel: () => signs.push([]),
    onOperation: (operation) => signs.at(-1)?.push(signOf(operation, script.clusterSizeBytes)),
  });
  // Before the first op there are three phases: the file, the image's opening, the run.
  return scene.flatMap(([title], index) => (title === null ? [] : [[title, joinSigns(signs[index + 3]!)]]));
}

/** Marker name → what it stands for: the stages of history, then the policies since. */
function subjects(): [name: string, subject: OpsSubject][] {
  const since = policyPresets().filter(({ stage }) => stage === undefined);
  return [
    ...STAGE_IDS.map((stage): [string, OpsSubject] => [stage, { stage }]),
    ...since.map(({ name }): [string, OpsSubject] => [name, { policy: name }]),
  ];
}

/** Marker name → markdown: S0 in full, each later stage or policy as what changed since the one before. */
export async function generatedTables(): Promise<Map<string, string>> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cowbench-'));
  try {
    const tables = new Map<string, string>();
    let before: Row[] = [];
    for (const [name, subject] of subjects()) {
      const rows = await rowsOf(subject, directory);
      const changed = rows.filter((row, index) => row.join() !== before[index]?.join());
      tables.set(name, changed.length === 0 ? 'No sequence changed.' : markdownTable(changed));
      before = rows;
    }
    return tables;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function markdownTable(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const code = (sequence: string) => (sequence === '' ? '–' : `\`${sequence}\``);
  return [
    line(['event', ...MODES]),
    line(['---', ...MODES.map(() => '---')]),
    ...rows.map(([title, ...sequences]) => line([title, ...sequences.map(code)])),
  ].join('\n');
}

const MARKED = /<!-- sequences (\w+) -->\n[\s\S]*?<!-- end -->/g;

/** The page with every marked place filled. Throws when a stage or policy has no place, or a place neither. */
export function fillPage(page: string, tables: ReadonlyMap<string, string>): string {
  const missing = new Set<string>(tables.keys());
  const filled = page.replaceAll(MARKED, (_, name: string) => {
    const table = tables.get(name);
    if (table === undefined) throw new Error(`${POLICIES_PAGE}: there is no stage or policy ${name}`);
    missing.delete(name);
    return `<!-- sequences ${name} -->\n${table}\n<!-- end -->`;
  });
  if (missing.size > 0) throw new Error(`${POLICIES_PAGE}: no marker for ${[...missing].join(', ')}`);
  return filled;
}

if (import.meta.main) {
  fs.writeFileSync(POLICIES_PAGE, fillPage(fs.readFileSync(POLICIES_PAGE, 'utf8'), await generatedTables()));
}
