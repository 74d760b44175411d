/** `cowbench env`: what a run here would be made with, and what the storage costs. */
import fs from 'node:fs';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { textTable } from '../../dashboards/text/text-table.ts';
import type { Environment, Histogram } from '../../results/record.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { duration, single } from '../console/option-values.ts';
import { stdoutTerminal } from '../console/terminal.ts';
import { describeEnvironment } from '../machine/environment.ts';
import { defaultImagesDirectory } from '../machine/images-directory.ts';
import { findOutside } from '../machine/outside-programs.ts';
import { type Probed, probeStorage, type StorageProbe } from '../machine/probe.ts';
import { fitDeviceModel, fitStorageCosts } from '../machine/probe-fit.ts';

interface EnvOptions {
  dir: string | undefined;
  time: string;
  json: boolean | undefined;
  check: boolean | undefined;
}

export const env: CommandModule<object, EnvOptions> = {
  command: 'env',
  describe: 'show the machine and the file system, and probe the storage of a directory',
  builder: (yargs) =>
    yargs
      .option('dir', {
        ...value('DIR'),
        describe: 'directory to probe [default: where bench would put its images]',
      })
      .option('time', { ...value('TIME'), default: '2s', describe: 'how long to probe, roughly' })
      .option('check', {
        type: 'boolean',
        describe: 'show which programs and packages are there, and what needs the rest',
      })
      .option('json', { type: 'boolean', describe: 'print one JSON object, with histograms' })
      .example('$0 env --dir /mnt/ssd', 'probe a disk before measuring on it')
      .example('$0 env --check', 'what can be done on this machine'),
  handler: ({ dir, time, json, check }) => {
    if (check === true) return printCheck(json === true);
    const timeMs = duration('time', single('time', time));
    const directory = path.resolve(dir === undefined ? defaultImagesDirectory() : single('dir', dir));
    const present = fs.statSync(directory, { throwIfNoEntry: false });
    if (present === undefined) throw new UsageError(`--dir ${directory}: no such directory`);
    if (!present.isDirectory()) throw new UsageError(`--dir ${directory}: not a directory`);
    const environment = describeEnvironment(directory);
    const probe = probeStorage(directory, { timeMs });
    const all = { ...environment, storage: { ...probe, costs: fitStorageCosts(probe), model: fitDeviceModel(probe) } };
    if (json === true) console.log(JSON.stringify(all, null, 2));
    else for (const line of environmentLines(directory, environment, probe)) console.log(line);
  },
};

function printCheck(json: boolean): void {
  const found = findOutside();
  if (json) return console.log(JSON.stringify({ node: process.versions.node, outside: found }, null, 2));
  console.log(`${'node'.padEnd(NAME_WIDTH)}${process.versions.node}`);
  for (const { name, found: version, without, install } of found) {
    console.log(`${name.padEnd(NAME_WIDTH)}${version ?? `not there: ${without}; ${install} brings it`}`);
  }
}

const NAME_WIDTH = 16;

function environmentLines(directory: string, environment: Environment, probe: StorageProbe): string[] {
  const { cpu, cores, memoryBytes, kernel, node, fileSystem, warnings } = environment;
  return [
    `cpu          ${cpu}, ${cores} cores`,
    `memory       ${(memoryBytes / 1024 ** 3).toFixed(1)} GiB`,
    `kernel       ${kernel}`,
    `node         ${node}`,
    `directory    ${directory}`,
    `file system  ${fileSystem.type} (${fileSystem.mountOptions})`,
    `bandwidth    ${(probe.writeBytesPerSecond / 1e6).toFixed(0)} MB/s, 1 MiB overwritten and synced`,
    `syncs        ${probe.reality.real ? 'seem to wait for a device' : `NOT REAL: ${probe.reality.reasons.join('; ')}`}`,
    '',
    ...latencyTable(probe),
    ...warnings.map((warning) => `warning      ${warning}`),
  ];
}

const TITLES: Readonly<Record<Probed, string>> = {
  syncClean: 'sync of a clean file',
  syncOverwrite4K: 'sync after overwriting 4 KiB',
  syncOverwrite64K: 'sync after overwriting 64 KiB',
  syncOverwrite1M: 'sync after overwriting 1 MiB',
  syncScattered: 'sync after 16 blocks apart',
  syncAppend: 'sync after an append of 4 KiB',
  syncHole: 'sync after 4 KiB into a hole',
  durableWrite: 'O_DSYNC write of 4 KiB',
  cachedWrite4K: 'write of 4 KiB, page cache',
  cachedWrite1M: 'write of 1 MiB, page cache',
  cachedRead4K: 'read of 4 KiB, page cache',
  deviceRead4K: 'read of 4 KiB, O_DIRECT',
  deviceRead1M: 'read of 1 MiB, O_DIRECT',
};

function latencyTable({ latencies }: StorageProbe): string[] {
  const rows = (Object.entries(TITLES) as [Probed, string][]).flatMap(([name, title]) => {
    const histogram = latencies[name];
    return histogram === null ? [] : [[title, ...figures(histogram), picture(histogram)]];
  });
  return textTable(
    ['operation', 'count', 'least', 'median', 'p90', 'p99', 'most', PICTURE_TITLE],
    rows,
    stdoutTerminal().width,
  );
}

function figures({ count, minNs, p50Ns, p90Ns, p99Ns, maxNs }: Histogram): string[] {
  return [String(count), ...[minNs, p50Ns, p90Ns, p99Ns, maxNs].map((ns) => `${(ns / 1000).toFixed(1)} µs`)];
}

const LEAST_DECADE = 2;
const DECADES = 7;
const STEPS_A_DECADE = 4;
const HEIGHTS = ' ▁▂▃▄▅▆▇█';
const PICTURE_TITLE = '100 ns ... 1 s, log scale'.padEnd(DECADES * STEPS_A_DECADE);

/** A histogram in one line: a column for each quarter of a decade, its height the share of the highest. */
function picture({ bins }: Histogram): string {
  const columns = Array<number>(DECADES * STEPS_A_DECADE).fill(0);
  for (const [boundNs, count] of bins) {
    const column = Math.floor((Math.log10(Math.max(1, boundNs)) - LEAST_DECADE) * STEPS_A_DECADE);
    columns[Math.min(columns.length - 1, Math.max(0, column))]! += count;
  }
  const most = Math.max(...columns);
  return columns.map((count) => HEIGHTS[Math.ceil((count / most) * (HEIGHTS.length - 1))]!).join('');
}
