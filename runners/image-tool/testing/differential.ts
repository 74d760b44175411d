/**
 * Random images and random words, given to cowbench image and to qemu-img on copies of the same files: both succeed or both refuse,
 * and what they leave holds the same disks and is found clean by both.
 *
 * `COWBENCH_DIFFERENTIAL_RUNS=2000 npm run -s test:only -- differential` runs that many seeds instead of the few of the suite;
 * `COWBENCH_DIFFERENTIAL_SEED=N` begins at another one.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Prng } from '../../../workloads/prng.ts';
import { ImageSession, type Outcome } from './image-session.ts';

/** Seeds of one test: a few, or as many as the environment asks for. */
export function* seeds(few: number): Generator<number> {
  const first = Number(process.env.COWBENCH_DIFFERENTIAL_SEED ?? 1);
  const count = Number(process.env.COWBENCH_DIFFERENTIAL_RUNS ?? few);
  for (let seed = first; seed < first + count; seed++) yield seed;
}

export interface ImageChoices {
  /** Options of the format that every image has. */
  readonly options?: readonly string[];
  readonly backing?: { readonly name: string; readonly format: 'raw' | 'qcow2' };
  readonly sizes?: readonly number[];
  readonly snapshots?: boolean;
}

export class DifferentialSession extends ImageSession {
  readonly random: Prng;
  readonly seed: number;

  constructor(seed: number) {
    super();
    this.seed = seed;
    this.random = new Prng(seed);
  }

  /** A qcow2 image of random options with random content. Returns its size in bytes. */
  randomImage(name: string, choices: ImageChoices = {}): number {
    const { random } = this;
    const sizeBytes = 65_536 * random.pick(choices.sizes ?? [16, 24, 33]);
    const version = random.pick(['0.10', '1.1', '1.1']);
    const wanted = new Map(
      (choices.options ?? []).map((option) => [
        option.slice(0, option.indexOf('=')),
        option.slice(option.indexOf('=') + 1),
      ]),
    );
    const maybe = (option: string, value: string) => {
      if (random.chance(0.3) && !wanted.has(option)) wanted.set(option, value);
    };
    if (!wanted.has('compat')) wanted.set('compat', version);
    const isVersion3 = wanted.get('compat') === '1.1';
    maybe('cluster_size', random.pick(isVersion3 ? ['16k', '4k', '128k'] : ['512', '4k', '128k']));
    if (isVersion3) maybe('lazy_refcounts', 'on');
    if (isVersion3) maybe('refcount_bits', random.pick(['8', '32', '64']));
    if (isVersion3 && !['512', '4k'].includes(wanted.get('cluster_size') ?? '')) maybe('extended_l2', 'on');
    const backing = choices.backing === undefined ? [] : ['-b', choices.backing.name, '-F', choices.backing.format];
    const options = [...wanted].map(([option, value]) => `${option}=${value}`).join(',');
    this.qemuDone('create', '-q', '-f', 'qcow2', '-o', options, ...backing, `@${name}`, `${sizeBytes}`);
    this.randomWrites(name, 'qcow2', sizeBytes);
    if (choices.snapshots && random.chance(0.6)) {
      this.qemuDone('snapshot', '-c', 'first', `@${name}`);
      this.randomWrites(name, 'qcow2', sizeBytes);
    }
    return sizeBytes;
  }

  /** A raw file of random content and holes. */
  randomRaw(name: string, sizeBytes: number): void {
    fs.writeFileSync(this.file(name), '');
    fs.truncateSync(this.file(name), sizeBytes);
    this.randomWrites(name, 'raw', sizeBytes);
  }

  randomWrites(name: string, format: 'raw' | 'qcow2', sizeBytes: number): void {
    if (sizeBytes >= 65_536) this.io(name, format, ...this.randomCommands(sizeBytes));
  }

  /** Requests for qemu-io. */
  randomCommands(sizeBytes: number): string[] {
    const { random } = this;
    return Array.from({ length: 1 + random.below(6) }, () => {
      const unit = random.pick([512, 4096, 65_536]);
      const at = unit * random.below(Math.floor(sizeBytes / unit));
      const most = Math.floor((sizeBytes - at) / unit);
      const length = unit * (1 + random.below(Math.min(most, 24)));
      const pattern = 1 + random.below(200);
      const verbs = ['write -P #', 'write -P #', 'write -P #', 'write -P 0', 'write -z', 'write -zu', 'discard'];
      return `${random.pick(verbs).replace('#', `${pattern}`)} ${at} ${length}`;
    });
  }

  copies(name: string, ...others: string[]): void {
    for (const other of others) fs.copyFileSync(this.file(name), this.file(other));
  }

  /** Both succeed, or both refuse. Returns whether they succeeded. */
  sameClass(ours: Outcome, theirs: Outcome, note: string): boolean {
    const text = `seed ${this.seed}: ${note}: cowbench ${ours.code} ${ours.stderr}qemu-img ${theirs.code} ${theirs.stderr}`;
    assert.equal(ours.code === 0, theirs.code === 0, text);
    assert.doesNotMatch(ours.stderr, /defect/, text);
    return ours.code === 0;
  }

  /**
   * Qemu-img cannot grow a version 2 image over a longer backing file, whose content it would have to hide: that class, and no other, is
   * done here and refused there.
   */
  isPastZeroing(ours: Outcome, theirs: Outcome): boolean {
    return ours.code === 0 && theirs.stderr.includes('Failed to zero out new clusters');
  }

  /** The same content, by qemu-img, and no finding of either checker in ours. */
  sameImages(ours: string, theirs: string, note: string): void {
    const text = `seed ${this.seed}: ${note}`;
    const compared = this.qemu('compare', `@${ours}`, `@${theirs}`);
    assert.equal(compared.code, 0, `${text}: ${compared.stdout}${compared.stderr}`);
    assert.doesNotMatch(compared.stdout, /mismatch/, text);
    this.isClean(ours, note);
  }

  isClean(name: string, note: string): void {
    if (this.qemuJson('info', '--output=json', `@${name}`).format !== 'qcow2') return;
    const checked = this.qemu('check', `@${name}`);
    assert.equal(checked.code, 0, `seed ${this.seed}: ${note}: ${checked.stdout}${checked.stderr}`);
  }

  /** What info says of an image, without names, times and what the file takes. */
  facts(name: string): unknown {
    const {
      filename: _,
      'actual-size': _size,
      snapshots,
      ...rest
    } = this.qemuJson('info', '--output=json', `@${name}`);
    const named = ((snapshots ?? []) as Record<string, unknown>[]).map(({ id, name }) => ({ id, name }));
    return { ...rest, snapshots: named };
  }
}
