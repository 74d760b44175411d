/** What `docs/safety.md` says about the defects that QEMU shows, and about repair by QEMU. */
import { type FindingCount, KNOWN_FINDINGS, type LeakRepairRow } from './known-findings.ts';
import { markdownTable } from './markdown-table.ts';

export function findingsSection(counts: readonly FindingCount[]): string {
  const names = [...new Set(counts.map(({ who }) => who))];
  const rows = KNOWN_FINDINGS.map(({ name, title, workloads }) => [
    name,
    title,
    workloads.join(', '),
    ...names.map((who) => {
      const count = counts.find((one) => one.finding === name && one.who === who);
      if (count === undefined) return '';
      return count.shown === 0 ? `none of ${count.states}` : `${count.shown} of ${count.states}`;
    }),
  ]);
  return [
    '## Three findings about QEMU, and who has them',
    '',
    'States that show the finding, of all states of these workloads on clusters of 512 and 4096 bytes.',
    '',
    ...markdownTable(['', 'finding', 'workloads', ...names], rows),
  ].join('\n');
}

export function leakRepairSection(rows: readonly LeakRepairRow[]): string {
  return [
    '## Repair by qemu-img check -r leaks',
    '',
    'Crash states of the named workloads, no content twice, each checked by the installed qemu-img, repaired with `-r leaks`, and checked again;',
    'then what the disk and every snapshot read as was compared with what it was. *Not clean afterwards* and *changed* must be 0.',
    '',
    ...markdownTable(
      ['policy', 'last operation begun', 'states', 'with something to repair', 'not clean afterwards', 'changed'],
      rows.map(({ policy, op, states, unclean, cleaned, changed }) => [
        ...[policy, op],
        ...[states, unclean, unclean - cleaned, changed].map(String),
      ]),
    ),
  ].join('\n');
}
