/** `cowbench image snapshot`: internal snapshots of a qcow2 image. Guest data is neither read nor written by any of them. */
import { describeImage } from '../../engine/index.ts';
import { UsageError } from '../console/errors.ts';
import { value } from '../console/help-page.ts';
import { formatOf, openRegularFile, openWithoutBacking, usingDisk } from './disks.ts';
import { printable } from './printable.ts';
import { chosenSnapshot, type SnapshotRule } from './snapshot-choice.ts';
import { snapshotLines } from './snapshot-table.ts';
import { ACCESS, FORMAT, type Given, QUIET, SHARE, type Subcommand } from './subcommand.ts';
import { withWork } from './work.ts';

const ACTIONS = ['list', 'apply', 'create', 'delete'] as const;

export const snapshot: Subcommand = {
  name: 'snapshot',
  words: '<file>',
  summary: 'list, take, apply and delete internal snapshots',
  options: {
    list: { type: 'boolean', alias: 'l', describe: 'list snapshots (the default)' },
    apply: { ...value('SNAPSHOT'), alias: 'a', describe: 'revert the disk to this snapshot (ID, or else tag)' },
    create: { ...value('TAG'), alias: 'c', describe: 'take a snapshot with this tag' },
    delete: { ...value('TAG'), alias: 'd', describe: 'delete the snapshot with this tag' },
    ...FORMAT,
    ...QUIET,
    ...ACCESS,
    ...SHARE,
  },
  examples: [
    ['snapshot -c before-upgrade disk.qcow2', 'take a snapshot'],
    ['snapshot -l disk.qcow2', 'list snapshots'],
    ['snapshot -a before-upgrade disk.qcow2', 'revert to it; later changes are lost'],
    ['snapshot -a 3 disk.qcow2', 'revert to the snapshot with ID 3'],
    ['snapshot -d before-upgrade disk.qcow2', 'delete a snapshot'],
  ],
  run(given) {
    const asked = ACTIONS.filter((action) =>
      action === 'list' ? given.flag(action) : given.text(action) !== undefined,
    );
    if (asked.length > 1) throw new UsageError(`--${asked[0]} and --${asked[1]} cannot be given together`);
    const file = given.required('file');
    const action = asked[0] ?? 'list';
    const format = given.format() ?? formatOf(file);
    if (action === 'list') return list(given, file, format);
    if (format === 'raw') throw new UsageError(`${printable(file)}: a raw image cannot have snapshots`);
    return withWork(given.terminal, { quiet: true, showProgress: false }, () => change(file, action, given));
  },
};

function list(given: Given, filePath: string, format: 'raw' | 'qcow2'): void {
  if (format === 'raw') return;
  const file = openRegularFile(filePath, 'image-read', given.access());
  try {
    const { snapshots } = describeImage(file);
    if (snapshots.length > 0) given.terminal.print(['Snapshot list:', ...snapshotLines(snapshots)].join('\n'));
  } finally {
    file.close();
  }
}

function change(file: string, action: 'apply' | 'create' | 'delete', given: Given): void {
  const name = given.required(action);
  const image = openWithoutBacking(file, given.access(), false);
  usingDisk(image, () => {
    const chosen = (rule: SnapshotRule) =>
      chosenSnapshot(image.listSnapshots(), name, rule, (line) => given.warn(line));
    if (action === 'apply') image.applySnapshot(chosen('id-then-tag'));
    else if (action === 'create') image.createSnapshot({ name, ...now() });
    else image.deleteSnapshot(chosen('tag'));
  });
}

function now(): { dateSeconds: number; dateNanoseconds: number } {
  const ms = Date.now();
  return { dateSeconds: Math.floor(ms / 1000), dateNanoseconds: (ms % 1000) * 1_000_000 };
}
