/**
 * The import rules: who may import whom, and who may use which built-in module of Node. `docs/ARCHITECTURE.md` says why.
 * That no two files import each other, not even types, is a rule of the linter.
 */
import { folderOf, type Import, importsOf, isTestCode, type SourceFile } from './source-files.ts';

const ENGINE = 'engine/index.ts';
const CRASH = ['runners/safety/requests', 'runners/safety/states', 'runners/safety/judge'];

/**
 * A row for each folder, from the ground up: what its files may import besides each other. A folder stands for the files directly
 * in it, not for those of its subfolders. No row names a folder that follows it, so no import leads upwards;
 * and none names what its folder does not import, so the rows are a picture of the program as it is.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'engine/base': [],
  'engine/io': ['engine/base'],
  'engine/format': ['engine/base'],
  'engine/disk': ['engine/base', 'engine/io'],
  // The protocol alone: no socket, no disk.
  'engine/nbd': ['engine/base/errors.ts', 'engine/disk/request.ts'],
  'engine/cache': ['engine/base', 'engine/io'],
  'engine/check': ['engine/base', 'engine/io'],
  'engine/image': ['engine/base', 'engine/io', 'engine/format', 'engine/disk', 'engine/cache', 'engine/check'],
  'engine/instruments': ['engine/base', 'engine/io'],
  engine: [
    ...['engine/base', 'engine/io', 'engine/disk', 'engine/cache', 'engine/check', 'engine/image'],
    'engine/instruments/index.ts',
  ],
  workloads: ['engine/base/units.ts', 'engine/disk/request.ts'],
  results: [],

  'dashboards/reading': ['results'],
  'dashboards/text': ['results', 'dashboards/reading'],
  'dashboards/charts': ['results', 'dashboards/reading'],
  'dashboards/questions': ['results', 'dashboards/reading', 'dashboards/charts'],
  'dashboards/page/browser': [
    'dashboards/reading/quantities.ts',
    'dashboards/charts/chart-bundle.ts',
    'dashboards/charts/palette.ts',
    'dashboards/charts/question.ts',
  ],
  'dashboards/page': ['results', 'dashboards/reading', 'dashboards/charts'],
  'dashboards/run': [
    ...['results', 'dashboards/reading', 'dashboards/charts', 'dashboards/questions', 'dashboards/page'],
  ],
  'dashboards/comparison': [
    ...['results', 'dashboards/reading', 'dashboards/text', 'dashboards/charts', 'dashboards/page'],
    'dashboards/questions/cpu-difference.ts',
    'dashboards/questions/cpu-flame.ts',
  ],
  'dashboards/trend': ['results', 'dashboards/reading', 'dashboards/charts', 'dashboards/page'],
  'dashboards/load': ['results', 'dashboards/reading', 'dashboards/charts', 'dashboards/page'],
  'dashboards/history': ['results', 'dashboards/reading', 'dashboards/charts', 'dashboards/page/html.ts'],
  'dashboards/history/points': ['dashboards/reading', 'dashboards/charts', 'dashboards/history'],
  'dashboards/history/page': [
    ...['dashboards/reading', 'dashboards/charts', 'dashboards/page'],
    ...['dashboards/history', 'dashboards/history/points'],
  ],
  dashboards: [
    ...['results', 'dashboards/reading', 'dashboards/run', 'dashboards/comparison', 'dashboards/trend'],
    ...['dashboards/load', 'dashboards/history', 'dashboards/history/page'],
  ],

  'runners/console': [
    ...[ENGINE, 'workloads/errors.ts', 'workloads/spelling.ts'],
    ...['results/record-error.ts', 'results/sample-protocol.ts'],
  ],
  'runners/machine': [ENGINE, 'results', 'runners/console'],
  'runners/qemu': [ENGINE, 'workloads', 'results', 'runners/console'],
  'runners/nbd': [
    ...[ENGINE, 'engine/io/c-library.ts', 'engine/nbd/index.ts'],
    ...['workloads', 'results', 'runners/console', 'runners/qemu'],
  ],
  'runners/image-tool': [ENGINE, 'workloads/spelling.ts', 'runners/console'],
  'runners/ops': [ENGINE, 'dashboards/text', 'runners/console'],
  'runners/plugins': [ENGINE, 'workloads', 'runners/console'],
  'runners/safety/requests': [ENGINE, 'workloads', 'runners/console'],
  'runners/safety/states': [ENGINE, 'workloads/prng.ts', 'runners/safety/requests'],
  'runners/safety/judge': [ENGINE, 'runners/safety/requests', 'runners/safety/states'],
  'runners/safety/explore': [ENGINE, 'workloads/request.ts', 'results', 'runners/plugins', ...CRASH],
  'runners/safety/mutants': [ENGINE, ...CRASH, 'runners/safety/explore'],
  'runners/safety/qemu': [ENGINE, 'runners/qemu', ...CRASH, 'runners/safety/explore'],
  'runners/shards': ['results', 'runners/console'],
  'runners/stores': ['results', 'runners/console'],
  'runners/safety/record': [
    ...[ENGINE, 'runners/console', 'runners/qemu', 'runners/shards', ...CRASH],
    ...['runners/safety/explore', 'runners/safety/mutants', 'runners/safety/qemu'],
  ],
  'runners/safety/fuzz': [ENGINE, 'workloads/prng.ts', 'runners/console', 'runners/shards'],
  'runners/sample': [ENGINE, 'workloads', 'results', 'runners/console', 'runners/qemu', 'runners/nbd'],
  'runners/serve': [
    ...[ENGINE, 'engine/nbd/index.ts', 'workloads', 'results'],
    ...['runners/console', 'runners/image-tool', 'runners/plugins', 'runners/sample'],
  ],
  'runners/safety/servers': [
    ...[
      ENGINE,
      'engine/instruments/index.ts',
      'engine/nbd/index.ts',
      'runners/console',
      'runners/nbd',
      'runners/serve',
    ],
    ...['runners/safety/requests', 'runners/safety/states', 'runners/safety/qemu'],
  ],
  'runners/safety/soak': [ENGINE, 'workloads/prng.ts', 'runners/console', 'runners/serve'],
  'runners/measure/plan': [
    ...[ENGINE, 'workloads', 'results', 'runners/console', 'runners/machine'],
    ...['runners/qemu', 'runners/nbd', 'runners/sample'],
  ],
  'runners/measure/session': [
    ...['workloads', 'results', 'dashboards/index.ts', 'dashboards/text', 'dashboards/reading'],
    ...['runners/console', 'runners/machine', 'runners/qemu', 'runners/nbd', 'runners/plugins'],
    ...['runners/safety/explore', 'runners/sample', 'runners/measure/plan'],
  ],
  'runners/measure/commits': [
    ...['workloads', 'results', 'dashboards/text', 'runners/console', 'runners/machine'],
    ...['runners/measure/plan', 'runners/measure/session'],
  ],
  'runners/fleet': [
    ...[
      ENGINE,
      'workloads/requesters.ts',
      'runners/console',
      'runners/shards',
      'runners/stores',
      'runners/safety/record',
      'runners/safety/fuzz',
    ],
    ...['runners/measure/plan', 'runners/measure/session', 'runners/measure/commits'],
  ],
  'runners/measure/gate': [
    ...[ENGINE, 'results', 'runners/console', 'runners/sample'],
    ...['runners/measure/plan', 'runners/measure/commits'],
  ],
  'runners/measure/load': [
    ...[ENGINE, 'results', 'runners/console', 'runners/machine', 'runners/qemu', 'runners/nbd', 'runners/measure/plan'],
  ],
  'runners/measure/calibration': ['results', 'runners/machine', 'runners/sample'],
  'runners/measure/doctor': ['runners/sample'],
  // Measures the engine's parts one by one, so it imports what lies below the engine's public entry point.
  'runners/measure/micro': [
    ...['engine/io', 'engine/format', 'engine/cache', 'engine/index.ts'],
    ...['results', 'dashboards/text'],
  ],
  'runners/measure/history': [
    ...[ENGINE, 'results', 'dashboards/index.ts', 'runners/console', 'runners/sample'],
    ...['runners/measure/plan', 'runners/measure/session', 'runners/measure/micro'],
  ],
  'runners/site': ['results', 'dashboards/index.ts', 'runners/console', 'runners/machine', 'runners/stores'],
  'runners/commands': [
    ...[ENGINE, 'workloads', 'results', 'dashboards/index.ts', 'dashboards/text'],
    ...[
      'runners/console',
      'runners/machine',
      'runners/image-tool',
      'runners/nbd',
      'runners/ops',
      'runners/plugins',
      'runners/sample',
      'runners/serve',
      'runners/shards',
      'runners/stores',
      'runners/fleet',
    ],
    ...[
      ...CRASH,
      'runners/safety/explore',
      'runners/safety/qemu',
      'runners/safety/servers',
      'runners/safety/record',
      'runners/safety/fuzz',
    ],
    ...['runners/measure/plan', 'runners/measure/session', 'runners/measure/commits', 'runners/measure/gate'],
    ...[
      'runners/measure/load',
      'runners/measure/calibration',
      'runners/measure/doctor',
      'runners/measure/micro',
      'runners/measure/history',
    ],
    'runners/site',
  ],
  runners: ['runners/console', 'runners/commands'],
  'runners/docs': ['dashboards/page', 'runners/console'],
  'runners/package': [
    ...['results', 'dashboards/page/bundle.ts', 'runners/console', 'runners/machine'],
    ...['runners/measure/plan', 'runners/measure/commits', 'runners/commands'],
  ],
};

/** What test code may import as well, besides everything in its own top folder. */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  dashboards: ['results'],
  runners: [ENGINE, 'engine/nbd/testing/client-bytes.ts', 'workloads', 'results', 'dashboards/index.ts'],
};

/** Where a built-in module may be used, besides tests: what reaches out of the process stays in few places. */
const BUILT_IN_USERS: Readonly<Record<string, readonly RegExp[]>> = {
  fs: [
    /^engine\/io\/file/,
    /^workloads\//,
    /^results\/(?:store|run-samples|sample-log)\.ts$/,
    /^dashboards\//,
    /^runners\//,
  ],
  net: [
    /^runners\/serve\/(?:server|connection|nbd-client|phases-pipe)\.ts$/,
    /^runners\/safety\/servers\/recording-server\.ts$/,
    /^runners\/commands\/serve\.ts$/,
  ],
  worker_threads: [
    /^runners\/serve\/image-(?:thread|worker)\.ts$/,
    /^runners\/safety\/explore\/thread-pool\.ts$/,
    /^runners\/safety\/.*-worker\.ts$/,
  ],
  child_process: [/^dashboards\/charts\/rasterize\.ts$/, /^runners\//],
};

/** Every import that breaks a rule, one line each. */
export function breaches(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    importsOf({ path, text }).flatMap((taken) => (isAllowed(path, taken) ? [] : [breachText(path, taken)])),
  );
}

function breachText(path: string, { target, isFile }: Import): string {
  return `${path}: may not ${isFile ? 'import' : 'use'} ${target}`;
}

function isAllowed(path: string, { target, isFile }: Import): boolean {
  if (isFile) return mayImport(path, target);
  const users = BUILT_IN_USERS[target.replace(/^node:/, '').split('/')[0]!];
  return users === undefined || isTestCode(path) || users.some((place) => place.test(path));
}

function mayImport(path: string, target: string): boolean {
  if (layerOf(path) === layerOf(target) && (isTestCode(path) || !isTestCode(target))) return true;
  if (isTestCode(target) && !isTestCode(path)) return false;
  if (isTestCode(path) && topOf(target) === topOf(path)) return true;
  const places = [...(LAYERS[layerOf(path)] ?? []), ...(isTestCode(path) ? (TESTS[topOf(path)] ?? []) : [])];
  return places.some((place) => place === target || place === layerOf(target));
}

/** Test code belongs to the folder that it tests. */
export function layerOf(path: string): string {
  return folderOf(path).replace(/\/testing$/, '');
}

function topOf(path: string): string {
  return path.split('/')[0]!;
}
