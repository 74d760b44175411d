/** Seeded op scripts of the kinds that wear on a cache of tables: evictions, copies, snapshots in every order, all cluster sizes. */
import { GiB, KiB, MiB } from '../../../engine/index.ts';
import { Prng } from '../../../workloads/prng.ts';
import { type OpScript, parseScript } from '../script.ts';

interface Kind {
  readonly name: string;
  readonly sizeBytes: number;
  readonly clusterSizeBytes: number;
  readonly backingBytes?: number;
  /** Appends the ops. */
  readonly ops: (script: ScriptWriter) => void;
}

class ScriptWriter {
  readonly lines: string[] = [];
  readonly #sizeBytes: number;
  readonly #random: Prng;

  constructor(sizeBytes: number, seed: number) {
    this.#sizeBytes = sizeBytes;
    this.#random = new Prng(seed);
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }

  add(line: string): void {
    this.lines.push(line);
  }

  /** `count` writes of 512 bytes to `maxBytes` anywhere in the first `spanBytes`, with a flush after each `flushEvery`-th. */
  writes(count: number, spanBytes: number, maxBytes: number, flushEvery = 0): void {
    for (let n = 1; n <= count; n++) {
      const length = (1 + this.below(maxBytes / 512)) * 512;
      const offset = this.below((Math.min(spanBytes, this.#sizeBytes) - length) / 512) * 512;
      this.add(`w ${offset} ${length}`);
      if (flushEvery > 0 && n % flushEvery === 0) this.add('f');
    }
  }

  /** One whole cluster at the start of each of `count` stretches of `stepBytes`. */
  spread(count: number, stepBytes: number, lengthBytes: number): void {
    for (let n = 0; n < count; n++) this.add(`w ${n * stepBytes} ${lengthBytes}`);
  }
}

/** Snapshots taken, gone back to and deleted in changing order, with writes between. */
function snapshotDance(script: ScriptWriter, spanBytes: number, maxBytes: number): void {
  const names: string[] = [];
  for (let step = 0; step < 12; step++) {
    script.writes(6, spanBytes, maxBytes, 1 + script.below(6));
    const choice = script.below(3);
    const name = names[script.below(Math.max(1, names.length))];
    if (choice === 0 || name === undefined) {
      names.push(`s${step}`);
      script.add(`snap s${step}`);
    } else if (choice === 1) {
      script.add(`goto ${name}`);
    } else {
      names.splice(names.indexOf(name), 1);
      script.add(`del ${name}`);
    }
  }
  script.add('f');
}

const L2_SPAN = 512 * MiB;

const KINDS: readonly Kind[] = [
  {
    name: 'evictions',
    sizeBytes: 32 * GiB,
    clusterSizeBytes: 64 * KiB,
    ops: (s) => {
      s.spread(24, L2_SPAN, 4096);
      s.writes(80, 24 * L2_SPAN, 8192, 30);
      s.add('snap s');
      s.writes(30, 24 * L2_SPAN, 8192);
    },
  },
  { name: 'flush-each', sizeBytes: GiB, clusterSizeBytes: 64 * KiB, ops: (s) => s.writes(120, GiB, 16384, 1) },
  {
    name: 'cow-and-allocation',
    sizeBytes: 2 * GiB,
    clusterSizeBytes: 64 * KiB,
    ops: (s) => {
      s.writes(40, 8 * MiB, 256 * KiB);
      s.add('snap base');
      s.writes(80, 10 * MiB, 300 * KiB, 13);
      s.add(`w ${L2_SPAN - 128 * KiB - 512} ${256 * KiB + 1024}`);
      s.add('reopen');
      s.writes(10, 10 * MiB, 100 * KiB);
    },
  },
  { name: 'dance', sizeBytes: GiB, clusterSizeBytes: 64 * KiB, ops: (s) => snapshotDance(s, 4 * MiB, 200 * KiB) },
  {
    name: 'tables-256',
    sizeBytes: 128 * GiB,
    clusterSizeBytes: 64 * KiB,
    ops: (s) => {
      s.spread(256, L2_SPAN, 512);
      s.add('snap all');
      s.spread(20, 8 * L2_SPAN, 4096);
      s.add('goto all');
      s.add('del all');
    },
  },
  {
    name: 'clusters-4k',
    sizeBytes: 32 * MiB,
    clusterSizeBytes: 4 * KiB,
    ops: (s) => {
      s.writes(60, 32 * MiB, 64 * KiB, 9);
      snapshotDance(s, 32 * MiB, 40 * KiB);
    },
  },
  {
    name: 'clusters-512',
    sizeBytes: 16 * MiB,
    clusterSizeBytes: 512,
    ops: (s) => {
      s.writes(30, 16 * MiB, 48 * KiB, 7);
      snapshotDance(s, 16 * MiB, 8 * KiB);
    },
  },
  {
    name: 'savevm',
    sizeBytes: GiB,
    clusterSizeBytes: 64 * KiB,
    ops: (s) => {
      s.writes(20, 4 * MiB, 64 * KiB);
      for (const name of ['one', 'two']) {
        s.add(`vmstate 0 ${3 * MiB + 512}`);
        s.add(`snap ${name}`);
        s.writes(10, 4 * MiB, 64 * KiB, 4);
      }
      for (const line of ['goto one', 'f', 'del two', 'vmstate 65536 100000', 'snap three', 'reopen', 'del one', 'f'])
        s.add(line);
    },
  },
  {
    name: 'backing',
    sizeBytes: GiB,
    clusterSizeBytes: 64 * KiB,
    backingBytes: 6 * MiB + 4096,
    ops: (s) => {
      s.writes(50, 8 * MiB, 100 * KiB, 8);
      s.add('snap over');
      s.writes(20, 8 * MiB, 100 * KiB);
      s.add('goto over');
    },
  },
];

export function generatedScripts(seed: number): OpScript[] {
  return KINDS.map(({ name, sizeBytes, clusterSizeBytes, backingBytes, ops }) => {
    const writer = new ScriptWriter(sizeBytes, seed);
    ops(writer);
    const backing = backingBytes === undefined ? '' : ` backing=${backingBytes}`;
    const head = `#@ size=${sizeBytes} cluster_size=${clusterSizeBytes}${backing}`;
    return parseScript([head, ...writer.lines].join('\n'), `${name}.ops`);
  });
}
