/** `cowbench image dd`: blocks of a disk, as a new image. */

import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { integer } from '../console/option-values.ts';
import { unknownWord } from '../console/suggest.ts';
import { copyDisk } from './copy.ts';
import { imageFormat, openDisk, refuseReplacing } from './disks.ts';
import { makeImage, planImage } from './new-image.ts';
import { printable } from './printable.ts';
import { parseSize } from './sizes.ts';
import { sliceOf, sourceOf } from './source.ts';
import { ACCESS, FORMAT, type Given, SHARE, type Subcommand } from './subcommand.ts';
import { type Work, withWork } from './work.ts';

const OPERANDS = ['if', 'of', 'bs', 'count', 'skip'] as const;
type Operand = (typeof OPERANDS)[number];
/** A block of the usual file systems, and the default cluster. */
const UNIT_BYTES = { raw: 4096, qcow2: 65536 };

export const dd: Subcommand = {
  name: 'dd',
  words: '<operands..>',
  summary: 'copy blocks of a disk into a new image',
  options: {
    ...FORMAT,
    'output-format': { ...value('FORMAT'), alias: 'O', default: 'raw', describe: 'format of the target: raw or qcow2' },
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['dd if=disk.qcow2 of=disk.raw', 'copy everything'],
    ['dd -O qcow2 bs=1M skip=10 count=5 if=disk.raw of=part.qcow2', '5 MiB, starting at 10 MiB'],
  ],
  notes: 'Operands: if=FILE, of=FILE, bs=SIZE [512], count=BLOCKS [all], skip=BLOCKS [0]; count is taken after skip.',
  run(given) {
    const operands = operandsOf(given);
    const blockBytes = parseSize('bs=', operands.bs ?? '512');
    if (blockBytes < 1) throw new UsageError('bs=0: a block has at least one byte');
    const skipBytes = blockBytes * integerOf('skip', operands.skip ?? '0');
    const countBytes = operands.count === undefined ? Infinity : blockBytes * integerOf('count', operands.count);
    if (operands.if === undefined || operands.of === undefined) throw new UsageError('dd needs if=FILE and of=FILE');
    const { if: from, of: to } = operands;
    return withWork(given.terminal, { quiet: false, showProgress: false }, (work) =>
      copyBlocks(given, from, to, skipBytes, countBytes, work),
    );
  },
};

function operandsOf(given: Given): Partial<Record<Operand, string>> {
  const found: Partial<Record<Operand, string>> = {};
  for (const word of given.texts('operands')) {
    const equals = word.indexOf('=');
    const name = OPERANDS.find((operand) => operand === word.slice(0, Math.max(0, equals)));
    if (name === undefined)
      throw new UsageError(
        unknownWord(
          'operand',
          word.split('=')[0]!,
          OPERANDS.map((operand) => `${operand}=`),
        ),
      );
    if (found[name] !== undefined) throw new UsageError(`${name}= is given more than once`);
    found[name] = word.slice(equals + 1);
  }
  return found;
}

function integerOf(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${name}="${text}": expected a number of blocks`);
  return integer(name, text, 0);
}

async function copyBlocks(
  given: Given,
  from: string,
  to: string,
  skipBytes: number,
  countBytes: number,
  work: Work,
): Promise<void> {
  const format = imageFormat('output-format', given.required('output-format'));
  const disk = openDisk(from, { access: given.access(), format: given.format() });
  const whole = sourceOf(disk);
  try {
    refuseReplacing(to, whole.files);
    if (skipBytes > 0 && skipBytes >= disk.sizeBytes) {
      given.warn(
        `${printable(from)}: skip= leads past the end of the disk of ${disk.sizeBytes} bytes: nothing is copied`,
      );
    }
    const lengthBytes = Math.max(0, Math.min(countBytes, disk.sizeBytes - skipBytes));
    const source = sliceOf(whole, skipBytes, lengthBytes);
    const unitBytes = UNIT_BYTES[format];
    const zeros = { unitBytes, leastZeroBytes: unitBytes, targetIsZero: true };
    const options = { ...zeros, skipsBacking: false, compressedClusterBytes: null };
    await makeImage(planImage(to, format, source.sizeBytes, new Map()), work, null, ({ target }) =>
      copyDisk(source, target, options, work),
    );
  } finally {
    whole.close();
  }
}
