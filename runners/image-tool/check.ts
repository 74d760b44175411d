/** `cowbench image check`: the independent checker, with the exit codes of `qemu-img check`. */
import {
  type CheckReport,
  checkExitCode,
  checkImage,
  checkJson,
  formatCheckText,
  type RepairReport,
  repairImage,
} from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { unknownWord } from '../console/suggest.ts';
import { formatOf, openRegularFile } from './disks.ts';
import { printable, printableJson } from './printable.ts';
import { FORMAT, type Given, OUTPUT, QUIET, SHARE, SOURCE_CACHE, type Subcommand } from './subcommand.ts';
import { withWork } from './work.ts';

/** What `qemu-img check` ends with for a format that has nothing to check. */
const NO_CHECKS = 63;

export const check: Subcommand = {
  name: 'check',
  words: '<file>',
  summary: 'look for leaks and corruption, and repair them',
  options: {
    ...FORMAT,
    ...OUTPUT,
    repair: {
      ...value('WHAT'),
      alias: 'r',
      describe: 'leaks: free leaked clusters; all: refcounts and COPIED flags too',
    },
    ...QUIET,
    ...SOURCE_CACHE,
    ...SHARE,
  },
  examples: [
    ['check disk.qcow2', 'report leaks and corruption'],
    ['check --output=json disk.qcow2', 'the same as JSON'],
    ['check -r leaks disk.qcow2', 'free leaked clusters'],
  ],
  notes:
    'Exit codes: 0 no errors; 1 not checked, or not all of it; 2 corrupt; 3 leaks only; 63 the format has no checks.',
  run(given) {
    const repair = repairOf(given);
    const file = given.required('file');
    if ((given.format() ?? formatOf(file)) === 'raw') {
      given.terminal.complain(`cowbench: ${printable(file)}: a raw image has nothing to check`);
      given.terminal.exitWith(NO_CHECKS);
      return;
    }
    return withWork(given.terminal, { quiet: true, showProgress: false }, () => examine(given, file, repair));
  },
};

function repairOf(given: Given): 'leaks' | 'all' | null {
  const text = given.text('repair');
  if (text === undefined || text === 'leaks' || text === 'all') return text ?? null;
  throw new UsageError(unknownWord('repair', text, ['leaks', 'all']));
}

function examine(given: Given, filePath: string, repair: 'leaks' | 'all' | null): void {
  const file = openRegularFile(filePath, repair === null ? 'image-read' : 'image-write', given.access());
  let report: CheckReport;
  let repaired: RepairReport | null = null;
  try {
    if (repair === null) report = checkImage(file);
    else {
      repaired = repairImage(file, repair === 'leaks' ? { refcounts: false, copied: false } : {});
      report = repaired.after;
    }
  } finally {
    file.close();
  }
  given.terminal.exitWith(checkExitCode(report));
  if (given.wantsJson()) given.terminal.print(printableJson({ ...checkJson(report), ...fixedJson(repaired) }));
  else if (!given.flag('quiet')) given.terminal.write(fixedText(repaired) + formatCheckText(report));
}

/** A COPIED flag that is right once the refcount is was never a corruption of its own: those that were changed count. */
function fixed({ before, after, copiedChanged }: RepairReport): { leaks: number; corruptions: number } {
  const corruptions = Math.max(0, before.corruptions - after.corruptions) + copiedChanged;
  return { leaks: Math.max(0, before.leaks - after.leaks), corruptions };
}

function fixedJson(repaired: RepairReport | null): Record<string, number> {
  if (repaired === null) return {};
  const { leaks, corruptions } = fixed(repaired);
  return {
    ...(leaks > 0 ? { 'leaks-fixed': leaks } : {}),
    ...(corruptions > 0 ? { 'corruptions-fixed': corruptions } : {}),
  };
}

function fixedText(repaired: RepairReport | null): string {
  if (repaired === null) return '';
  const { leaks, corruptions } = fixed(repaired);
  const parts = [
    ...(leaks > 0 ? [`${leaks} leaked cluster${leaks === 1 ? '' : 's'}`] : []),
    ...(corruptions > 0 ? [`${corruptions} corruption${corruptions === 1 ? '' : 's'}`] : []),
  ];
  return parts.length === 0 ? '' : `Repaired: ${parts.join(', ')}.\n`;
}
