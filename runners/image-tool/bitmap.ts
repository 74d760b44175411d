/** `cowbench image bitmap`: persistent dirty bitmaps of a qcow2 image, changed one action after the other. */
import type { BitmapEditor, ByteRange, Qcow2Image } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { openWithoutBacking, qcow2Only, usingDisk } from './disks.ts';
import { printable } from './printable.ts';
import { parseSize } from './sizes.ts';
import { ACCESS, FORMAT, type Given, type Subcommand } from './subcommand.ts';
import { withWork } from './work.ts';

const FLAG = { type: 'boolean' } as const;

export const bitmap: Subcommand = {
  name: 'bitmap',
  words: '<file> <bitmap>',
  summary: 'add, remove and change persistent dirty bitmaps; each says what of the disk has changed',
  options: {
    add: { ...FLAG, describe: 'a new bitmap, enabled' },
    remove: { ...FLAG, describe: 'remove it' },
    clear: { ...FLAG, describe: 'nothing counts as changed' },
    enable: { ...FLAG, describe: 'note changes from now on' },
    disable: { ...FLAG, describe: 'note no changes' },
    merge: { ...value('BITMAP'), describe: 'what this bitmap has for changed counts as changed too' },
    granularity: {
      ...value('SIZE'),
      alias: 'g',
      describe: 'with --add: how much of the disk one bit stands for [default: a cluster, from 4k to 64k]',
    },
    'source-file': { ...value('FILE'), alias: 'b', describe: 'with --merge: the image that has the other bitmap' },
    'source-format': { ...value('FORMAT'), alias: 'F', describe: 'format of that image' },
    ...FORMAT,
    ...ACCESS,
  },
  ordered: ['add', 'remove', 'clear', 'enable', 'disable', 'merge'],
  examples: [
    ['bitmap --add -g 64k disk.qcow2 nightly', 'notes from now on what changes'],
    ['bitmap --add --disable --merge nightly disk.qcow2 monday', 'a copy that no longer changes'],
    ['bitmap --merge nightly -b top.qcow2 -F qcow2 base.qcow2 nightly', 'from another image'],
    ['bitmap --remove disk.qcow2 nightly', 'forget it'],
  ],
  notes: 'Actions are done in the order in which they are given; when one of them fails, none is done.',
  run(given) {
    const file = given.required('file');
    const name = given.required('bitmap');
    const actions = actionsOf(given);
    qcow2Only(file, given.format(), 'a raw image has no bitmaps');
    return withWork(given.terminal, { quiet: true, showProgress: false }, () => {
      const source = openSource(given);
      try {
        const image = openWithoutBacking(file, given.access(), false);
        usingDisk(image, () => change(image, name, actions, source));
      } finally {
        source?.close();
      }
    });
  },
};

type Action = readonly [verb: string, value: string];

/** @throws UsageError for options that none of the actions has a use for. */
function actionsOf(given: Given): readonly Action[] {
  const actions = given.inOrder();
  const has = (verb: string) => actions.some(([given]) => given === verb);
  if (actions.length === 0)
    throw new UsageError('bitmap needs --add, --remove, --clear, --enable, --disable or --merge');
  if (given.text('granularity') !== undefined && !has('add')) throw new UsageError('--granularity is for --add');
  if (given.text('source-format') !== undefined && given.text('source-file') === undefined)
    throw new UsageError('--source-format is for --source-file');
  if (given.text('source-file') !== undefined && !has('merge')) throw new UsageError('--source-file is for --merge');
  const text = given.text('granularity');
  const granularity = text === undefined ? '' : String(parseSize('--granularity', text));
  return actions.map(([verb, word]) => [verb, verb === 'add' ? granularity : word]);
}

function openSource(given: Given): Qcow2Image | null {
  const file = given.text('source-file');
  if (file === undefined) return null;
  qcow2Only(file, given.format('source-format'), 'a raw image has no bitmaps');
  return openWithoutBacking(file, given.access(), true);
}

function change(image: Qcow2Image, name: string, actions: readonly Action[], source: Qcow2Image | null): void {
  image.editBitmaps((editor) => {
    for (const [verb, word] of actions) {
      if (verb === 'add') editor.add(name, word === '' ? undefined : Number(word));
      else if (verb === 'remove') editor.remove(name);
      else if (verb === 'clear') editor.clear(name);
      else if (verb === 'merge') editor.merge(name, mergedRanges(image, editor, word, source));
      else editor.setEnabled(name, verb === 'enable');
    }
  });
}

function mergedRanges(
  image: Qcow2Image,
  editor: BitmapEditor,
  name: string,
  source: Qcow2Image | null,
): Iterable<ByteRange> {
  if (source === null) return editor.ranges(name);
  if (source.sizeBytes === image.sizeBytes) return source.dirtyRanges(name);
  const sizes = `the disk in ${printable(source.fileName)} has ${source.sizeBytes} bytes, this one ${image.sizeBytes}`;
  throw new UsageError(`--merge ${printable(name)}: ${sizes}`);
}
