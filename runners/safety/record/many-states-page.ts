/** What `docs/safety.md` says about the millions of states of the recommended policies. */
import { isViolation } from '../judge/state-verdict.ts';
import { type ManyStatesRecord, manyStatesHeader, rowCells } from './many-states-record.ts';
import { markdownTable } from './markdown-table.ts';

export function manyStatesSection({ command, commit, dirty, scope, groups }: ManyStatesRecord): string {
  const states = groups.reduce((sum, row) => sum + row.states, 0);
  const violations = groups.reduce((sum, row) => sum + violationsOf(row.findings), 0);
  const source = commit === null ? 'an unknown commit' : `${commit.slice(0, 12)}${dirty ? ' with changes' : ''}`;
  return [
    '## Millions of states of the recommended policies',
    '',
    `${states} states judged, ${violations} violations: \`${command}\` at ${source}. Every sequence of up to ${scope.length} operations, then`,
    `random workloads of twelve requests (seed ${scope.seed}); each state was read, checked, written to, and read and checked again.`,
    '',
    ...markdownTable(manyStatesHeader, groups.map(rowCells)),
  ].join('\n');
}

function violationsOf(findings: ManyStatesRecord['groups'][number]['findings']): number {
  return Object.entries(findings).reduce(
    (sum, [kind, count]) => (isViolation(kind as keyof typeof findings) ? sum + count : sum),
    0,
  );
}
