/** `cowbench serve IMAGE`: images as NBD exports, for virtual machines, file systems, databases and tools. */
import net from 'node:net';
import path from 'node:path';
import type { CommandModule } from 'yargs';
import {
  HOST_CACHE_MODES,
  type PolicyName,
  policyNamed,
  policyNames,
  policyPresets,
  RESERVE_PREPARATIONS,
  type ReserveOptions,
} from '../../engine/index.ts';
import { EXIT_CODES, UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { Interruption } from '../console/interruption.ts';
import { duration, integer, memorySize, type OptionText, single } from '../console/option-values.ts';
import { preparationNamed, refuseUnlessReserved } from '../console/reserve-options.ts';
import { unknownWord } from '../console/suggest.ts';
import { formatOf, type ImageFormat, imageFormat } from '../image-tool/disks.ts';
import { printable } from '../image-tool/printable.ts';
import { parseDiskSize } from '../image-tool/sizes.ts';
import { requireReserveRoom } from '../machine/reserve-room.ts';
import type { ServedExport } from '../serve/connection.ts';
import { type NamedImage, namedImage } from '../serve/exports.ts';
import { runServer, type ServeOptions } from '../serve/run-server.ts';
import { type Address, SERVER_LIMITS } from '../serve/server.ts';

type Options = Record<string, unknown> & { readonly images?: readonly string[] | undefined };

const RESERVE = {
  reserve: { ...value('SIZE'), describe: 'the most that reserve counts ahead [default: 64M]' },
  preparation: {
    ...value('HOW'),
    describe: `how its place is made: ${RESERVE_PREPARATIONS.join(', ')} [default: hole]`,
  },
} as const;

export const serve: CommandModule<object, Options> = {
  command: 'serve [images..]',
  describe: 'serve images over NBD, to virtual machines, file systems, databases and tools',
  builder: (yargs) =>
    yargs
      .positional('images', {
        type: 'string',
        array: true,
        describe: 'image, or NAME=IMAGE; the first one is the default export',
      })
      .option('null', {
        ...value('SIZE'),
        describe: 'serve no image but a disk that keeps nothing: what the protocol costs',
      })
      .option('socket', {
        ...value('PATH'),
        alias: 'k',
        describe: 'listen on this unix socket, which only you may open',
      })
      .option('port', {
        ...value('N'),
        alias: 'p',
        describe: 'TCP port of loopback to listen on; 0: any free one',
      })
      .option('host', {
        ...value('ADDRESS'),
        default: '127.0.0.1',
        describe: 'loopback address with --port',
      })
      .option('format', { ...value('FORMAT'), alias: 'f', describe: 'raw or qcow2; raw must be said [default: qcow2]' })
      .option('policy', {
        ...value('POLICY'),
        describe: `metadata cache policy (cowbench policies) [default: ${recommended()}]`,
      })
      .options(RESERVE)
      .option('cache', {
        ...value('MODE'),
        describe: `host cache mode: ${HOST_CACHE_MODES.join(', ')} [default: of the policy]`,
      })
      .option('read-only', { type: 'boolean', alias: 'r', describe: 'refuse writes' })
      .option('snapshots', {
        type: 'boolean',
        describe: 'serve each internal snapshot too, read-only, as NAME@SNAPSHOT',
      })
      .option('allow-backing', {
        type: 'boolean',
        describe: "open the image's backing and data files, in its own folder",
      })
      .option('allow-folder', { ...value('DIR'), describe: 'the same, in this folder; may be given several times' })
      .option('record', {
        ...value('FILE'),
        describe: 'write what clients ask for to this file, as a fio iolog (compressed: .gz)',
      })
      .option('phases', {
        ...value('PIPE'),
        describe: 'with --record: make this named pipe; each line written to it begins a phase, kept in a .phases.json',
      })
      .option('stats', {
        type: 'string',
        value: '[TIME]',
        describe: 'print counts as JSON, a line per image every TIME [default: 1s] and one at the end',
      })
      .option('max-connections', {
        ...value('N'),
        default: String(SERVER_LIMITS.connections),
        describe: 'clients at a time',
      })
      .epilogue(
        'The server listens on a unix socket or on loopback only. There is no encryption and no authentication. ' +
          'It prints a URI per export when it is ready; SIGTERM or Ctrl-C ends it in order. See docs/serving.md.',
      )
      .example('$0 serve disk.qcow2 --socket /tmp/disk.sock', 'then: nbdinfo "nbd+unix:///?socket=/tmp/disk.sock"')
      .example('$0 serve a=one.qcow2 b=two.qcow2 --port 10809', 'two exports: nbd://127.0.0.1:10809/a and .../b')
      .example('$0 serve disk.qcow2 -k s.sock --policy writethrough --stats 5s', 'counts every five seconds')
      .example('$0 serve disk.qcow2 -k s.sock --record guest.iolog', 'then: cowbench bench -w trace:guest.iolog'),
  handler: async (options) => {
    const plan = planOf(options);
    const interruption = new Interruption();
    try {
      const { stats, recorded } = await runServer({
        ...plan,
        signal: interruption.signal,
        onListening: (address, exports) => {
          for (const one of exports) console.log(uriOf(address, one, one === exports[0]));
        },
        onStats: (counts) => console.log(JSON.stringify(counts)),
        onWarning: ({ message }) => console.error(`cowbench: ${message}`),
      });
      if (plan.statsIntervalMs !== null) for (const counts of stats) console.log(JSON.stringify(counts));
      process.exitCode = interruption.exitCode ?? EXIT_CODES.ok;
      if (recorded !== null) console.error(`cowbench: ${recorded} requests recorded in ${plan.recordPath}`);
    } finally {
      interruption.release();
    }
  },
};

function planOf(options: Options): Omit<ServeOptions, 'signal' | 'onListening' | 'onStats' | 'onWarning'> {
  const text = (name: string) => (options[name] === undefined ? null : single(name, options[name] as OptionText));
  const policy = policyOf(text('policy'));
  const cacheText = text('cache');
  const cache = cacheText === null ? policyNamed(policy).hostCacheMode : oneOf('cache', cacheText, HOST_CACHE_MODES);
  const folders = [(options['allow-folder'] as OptionText | undefined) ?? []].flat();
  const reserve = reserveOf(text, policy);
  const common = {
    ...(reserve !== null && { reserve }),
    ...{ policy, cache, folders, readOnly: options['read-only'] === true, snapshots: options.snapshots === true },
    allowBacking: options['allow-backing'] === true || folders.length > 0,
  };
  const nullSize = text('null');
  const given = text('format');
  const images = imagesOf(options.images ?? [], nullSize).map((image) => ({
    ...image,
    ...common,
    format: formatOfServed(image, given),
  }));
  if (reserve !== null) requireReserves(images, reserve);
  const recordPath = text('record');
  if (recordPath !== null && (images.length > 1 || common.snapshots))
    throw new UsageError('--record takes one image, without its snapshots: an iolog is about one disk');
  const stats = options.stats as OptionText | undefined;
  return {
    images,
    address: addressOf(text('socket'), text('port'), text('host')!),
    recordPath,
    phasesPipe: phasesOf(text('phases'), recordPath),
    statsIntervalMs: stats === undefined ? null : duration('stats', single('stats', stats) || '1s'),
    limits: { ...SERVER_LIMITS, connections: integer('max-connections', text('max-connections')!, 1, 1024) },
  };
}

/** The images of the command line, or the one disk that is none. */
function imagesOf(words: readonly string[], nullSize: string | null): (NamedImage & { readonly nullBytes?: number })[] {
  if ((nullSize === null) === (words.length === 0)) throw new UsageError('give the images to serve, or --null SIZE');
  if (nullSize === null) return words.map(namedImage);
  return [{ name: 'null', imagePath: 'null', nullBytes: parseDiskSize('--null', nullSize) }];
}

function formatOfServed(image: { readonly imagePath: string; readonly nullBytes?: number }, given: string | null) {
  if (image.nullBytes !== undefined) return 'raw';
  return given === null ? qcow2Only(image.imagePath) : imageFormat('format', given);
}

function phasesOf(pipe: string | null, recordPath: string | null): string | null {
  if (pipe !== null && recordPath === null) throw new UsageError('--phases is of a recording: give --record FILE too');
  return pipe;
}

/** What a guest writes decides what the first bytes of a raw disk look like: they must not decide how it is opened. */
function qcow2Only(imagePath: string): ImageFormat {
  if (formatOf(imagePath) === 'qcow2') return 'qcow2';
  throw new UsageError(`${printable(imagePath)} is no qcow2 image; -f raw serves its bytes as they are`);
}

/** Whoever serves an image wants it whole after a power cut, and fast. */
function recommended(): PolicyName {
  return policyPresets().find(({ isRecommended }) => isRecommended)!.name;
}

function reserveOf(text: (name: string) => string | null, policy: PolicyName): ReserveOptions | null {
  const [size, how] = [text('reserve'), text('preparation')];
  refuseUnlessReserved(size !== null ? 'reserve' : how !== null ? 'preparation' : undefined, [policy]);
  if (size === null && how === null) return null;
  return {
    ...(size !== null && { maxBytes: memorySize('reserve', size) }),
    ...(how !== null && { preparation: preparationNamed('preparation', how) }),
  };
}

/** Before a server listens: what the storage cannot give is no error of the first client. */
function requireReserves(
  images: readonly { readonly imagePath: string; readonly format: ImageFormat }[],
  reserve: ReserveOptions,
): void {
  const reserved = images.filter(({ format }) => format === 'qcow2');
  if (reserved.length === 0)
    throw new UsageError('--reserve and --preparation: a raw disk has no clusters to count ahead');
  for (const { imagePath } of reserved) requireReserveRoom(path.dirname(imagePath), reserve);
}

function policyOf(text: string | null): PolicyName {
  return text === null ? recommended() : oneOf('policy', text, policyNames());
}

function addressOf(socketPath: string | null, port: string | null, host: string): Address {
  if ((socketPath === null) === (port === null)) throw new UsageError('give one of --socket and --port');
  if (socketPath !== null) return { socketPath };
  const isLoopback = host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));
  if (!isLoopback) throw new UsageError(`--host "${host}": expected a loopback address, 127.0.0.1 or ::1`);
  return { host, port: integer('port', port!, 0, 65_535) };
}

function uriOf(address: Address, { name }: ServedExport, isDefault: boolean): string {
  const exportName = isDefault ? '' : encodeURIComponent(name);
  if ('socketPath' in address) return `nbd+unix:///${exportName}?socket=${encodeURIComponent(address.socketPath)}`;
  const host = net.isIPv6(address.host) ? `[${address.host}]` : address.host;
  return `nbd://${host}:${address.port}/${exportName}`;
}

function oneOf<Word extends string>(option: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new UsageError(unknownWord(option, text, words));
}
