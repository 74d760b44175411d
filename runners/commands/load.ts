/** `cowbench load`: how fast servers are under many requests at a time, side by side. */
import path from 'node:path';
import type { CommandModule } from 'yargs';
import { MiB, type PolicyName, policyPresets } from '../../engine/index.ts';
import { writeWhole } from '../../results/store.ts';
import { EXIT_CODES, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { duration, integer, list, type OptionText, single } from '../console/option-values.ts';
import { PROJECT_ROOT } from '../console/project-root.ts';
import { parseDiskSize } from '../image-tool/sizes.ts';
import { defaultImagesDirectory } from '../machine/images-directory.ts';
import { loadText } from '../measure/load/load-text.ts';
import { runLoad } from '../measure/load/run-load.ts';
import { enginesNamed, type ServerEngine } from '../measure/plan/engines.ts';

type Options = Readonly<Record<string, unknown>>;

const QEMU = 'qemu-nbd=nbd:qemu-nbd -k {socket} -t -e 128 -f qcow2 --cache=writeback --discard=unmap {image}';

export const load: CommandModule<object, Options> = {
  command: 'load',
  describe: 'load NBD servers with fio, in turns: throughput, latency, and the syncs that clients share',
  builder: (yargs) =>
    yargs
      .option('policy', {
        ...value('NAME,…'),
        alias: 'p',
        describe: 'policies of our own server [default: the recommended ones]',
      })
      .option('engine', {
        ...value('NAME=nbd:COMMAND'),
        describe:
          'another server, as for bench; may be repeated; the first is what others are multiples of [default: qemu-nbd]',
      })
      .option('clients', { ...value('N,…'), default: '1,4,16,64', describe: 'clients that commit at a time' })
      .option('commits', { ...value('N'), default: '100', describe: 'commits of each client' })
      .option('time', { ...value('TIME'), default: '2s', describe: 'for each job of small requests' })
      .option('size', { ...value('SIZE'), default: '256M', describe: 'what is written and read in order' })
      .option('rounds', { ...value('N'), default: '3', describe: 'times that every server does every job' })
      .option('dir', { ...value('DIR'), describe: 'existing directory for the images [default: as bench]' })
      .option('out', { ...value('FILE'), describe: 'also write the table to this file, as Markdown' })
      .option('report', { ...value('FILE'), describe: 'also write a page with charts to this file, as HTML' })
      .option('json', { type: 'boolean', describe: 'print the figures as JSON' })
      .option('quiet', { type: 'boolean', alias: 'q', describe: 'no progress on stderr' })
      .epilogue('Needs fio with its nbd engine, strace, and the servers; on a machine that does nothing else.')
      .example(
        '$0 load --report load.html',
        'our server under the recommended policies, qemu-nbd, and the protocol alone',
      )
      .example("$0 load --engine 'mine=nbd:./my-server {socket} {image}'", 'against a server of your own'),
  handler: async (options) => {
    const interruption = new Interruption();
    const others = serversOf(options.engine as OptionText | undefined);
    const plan = {
      servers: [...ownServers(options.policy as OptionText | undefined), ...others],
      clients: list('clients', text(options, 'clients')).map((word) => integer('clients', word, 1, 64)),
      commits: integer('commits', text(options, 'commits'), 1, 10_000),
      milliseconds: Math.ceil(duration('time', text(options, 'time'))),
      filledBytes: filledBytes(text(options, 'size')),
      rounds: integer('rounds', text(options, 'rounds'), 1, 100),
      reference: others[0]!.name,
      command: process.argv.slice(2),
      directory: path.resolve(options.dir === undefined ? defaultImagesDirectory() : text(options, 'dir')),
    };
    const show = (line: string) => {
      if (options.quiet !== true) console.error(line);
    };
    try {
      const record = await runLoad(plan, interruption.signal, { say: options.json === true ? () => {} : show, show });
      const table = loadText(record);
      if (options.out !== undefined) writeWhole(text(options, 'out'), table);
      if (options.report !== undefined) {
        const { renderLoad } = await import('../../dashboards/index.ts');
        writeWhole(text(options, 'report'), await renderLoad(record));
      }
      process.stdout.write(options.json === true ? `${JSON.stringify(record)}\n` : table);
      process.exitCode = EXIT_CODES.ok;
    } catch (error) {
      if (interruption.exitCode === null) throw error;
      process.exitCode = interruption.exitCode;
    } finally {
      interruption.release();
    }
  },
};

/** Requests are of 1 MiB. */
function filledBytes(size: string): number {
  const bytes = parseDiskSize('--size', size);
  if (bytes % MiB !== 0 || bytes === 0) throw new UsageError(`--size ${size}: not a multiple of 1M`);
  return bytes;
}

function text(options: Options, name: string): string {
  return single(name, options[name] as OptionText);
}

/** The protocol alone last: it is no server that anyone could choose. */
function serversOf(given: OptionText | undefined): ServerEngine[] {
  const words = given === undefined ? [QEMU] : [given].flat();
  return enginesNamed([...words, 'nbd:null']).map((engine) => {
    if (engine.kind === 'nbd' && engine.format === 'qcow2') return engine;
    throw new UsageError('--engine: load takes servers of qcow2 images only, as nbd:COMMAND');
  });
}

function ownServers(policies: OptionText | undefined): ServerEngine[] {
  const names = policies === undefined ? recommended() : list('policy', single('policy', policies));
  const cli = `'${process.execPath}' '${path.join(PROJECT_ROOT, 'runners/cli.ts')}'`;
  return names.map((name) => {
    const command = `exec ${cli} serve {image} --socket {socket} --policy ${name} --max-connections 128`;
    return { kind: 'nbd', name: `cowbench ${name}`, command, format: 'qcow2' };
  });
}

function recommended(): PolicyName[] {
  return policyPresets().flatMap(({ name, isRecommended }) => (isRecommended ? [name] : []));
}
