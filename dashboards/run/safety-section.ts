/** Is it safe when the power fails: the workload of the run first, then operation by operation, and a violation step by step. */
import type { CrashVerdict, RunRecord } from '../../results/record.ts';
import { copyButtons } from '../page/data-table.ts';
import { type Html, html } from '../page/html.ts';
import { type CountedCell, countedCells } from '../reading/cells.ts';
import { classWords, crashWords } from '../reading/crash-words.ts';
import { imageGroups } from '../reading/image-groups.ts';
import { formatCount } from '../reading/quantities.ts';
import { exploredOf, operationName, otherStatesCell, type SafetyCell, workloadCell } from './safety-cells.ts';

type Operation = NonNullable<CountedCell['cell']['safety']>['operations'][number];

function tableCell(label: string, { tone, content }: SafetyCell): Html {
  return html`<td class="safety ${tone}" data-label="${label}">${content}</td>`;
}

function operationCell(operation: Operation | undefined): SafetyCell {
  if (operation === undefined) return { tone: 'unknown', content: html`not explored` };
  const { verdict, violations, distinctStates } = operation;
  const states = `${formatCount(distinctStates)} states`;
  if (verdict === 'survived') return { tone: 'good', content: html`${states}` };
  if (verdict === 'leaks') return { tone: 'warn', content: html`${states}, leaks space` };
  const bad = Object.entries(violations).filter(([kind, count]) => kind !== 'copiedOnly' && count > 0);
  const words = bad.map(([kind, count]) => `${classWords(kind)} in ${formatCount(count)}`).join(', ');
  return { tone: 'bad', content: html`${words} of ${states}` };
}

function row(head: Html, items: readonly CountedCell[], of: (item: CountedCell) => SafetyCell): Html {
  return html`<tr><th scope="row">${head}</th>${items.map((item) => tableCell(item.label, of(item)))}</tr>\n`;
}

function keyOf({ operation, onSnapshot }: Operation): string {
  return JSON.stringify([operation, onSnapshot]);
}

interface Group {
  /** Of its workload and image; empty for the only one. */
  readonly label: string;
  readonly record: RunRecord;
  readonly items: readonly CountedCell[];
}

/** The beginning of the workload is explored on each image; single operations on one, the same for all. */
function rowsOf(record: RunRecord, items: readonly CountedCell[], groups: readonly Group[]): Html[] {
  const { others } = exploredOf(record);
  const safeties = items.flatMap(({ cell: { safety } }) => safety ?? []);
  const operations = new Map(safeties.flatMap((safety) => safety.operations.map((one) => [keyOf(one), one] as const)));
  const under = (text: string) => html`<span class="under wrap">${text}</span>`;
  const has = (of: (item: CountedCell) => unknown) => items.some((item) => of(item) != null);
  return [
    ...groups.flatMap((group) => {
      if (group.items.every(({ cell }) => cell.safety?.workload == null)) return [];
      const name = group.label === '' ? 'this workload' : group.label;
      const own = (label: string) => group.items.find((item) => item.label === label);
      return row(html`${name}${under(exploredOf(group.record).workload)}`, items, ({ label }) => {
        const item = own(label);
        return item === undefined ? workloadCell() : workloadCell(item);
      });
    }),
    ...[...operations].map(([key, operation]) =>
      row(html`${operationName(operation)}`, items, ({ cell: { safety } }) =>
        operationCell(safety?.operations.find((one) => keyOf(one) === key)),
      ),
    ),
    ...(has(({ cell }) => cell.crash)
      ? [row(html`sequences of operations${under(others)}`, items, otherStatesCell)]
      : []),
  ];
}

function stories(items: readonly CountedCell[]): Html[] {
  return items.flatMap(({ cell, label }) =>
    [cell.safety?.workload, cell.crash].flatMap((crash: CrashVerdict | null | undefined) =>
      crash?.story === undefined
        ? []
        : html`<h3>${label}: the smallest violation, step by step</h3><ol class="story">${crash.story.map((step) => html`<li>${step}</li>`)}</ol>`,
    ),
  );
}

function explained(items: readonly CountedCell[]): Html {
  const lines = items.flatMap(({ cell: { crash, safety }, label }) =>
    [crash, safety?.workload].flatMap((one) => (one == null ? [] : `${label} ${crashWords(one)}.`)),
  );
  return html`<ul class="answers">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

/** Says so where nothing was explored. */
export function safetySection(record: RunRecord): Html {
  const groups = imageGroups(record).map((group): Group => ({ ...group, items: countedCells(group.record) }));
  // A policy has one name in all groups.
  const items = [
    ...Map.groupBy(
      groups.flatMap((group) => group.items),
      ({ label }) => label,
    ).values(),
  ].map(([first]) => first!);
  const rows = rowsOf(record, items, groups);
  const head = html`<h2 id="crash-safety-title"><a href="#crash-safety">Is it safe when the power fails?</a></h2>`;
  if (rows.length === 0)
    return html`<section id="crash-safety" class="question" aria-labelledby="crash-safety-title">${head}
<p class="absent">Crash safety was not explored in this run.</p></section>`;
  const operations = exploredOf(record).operations;
  return html`<section id="crash-safety" class="question" aria-labelledby="crash-safety-title">${head}
<p class="reading">Crash states are the contents that the file could have after a power cut. A policy survives where none of them breaks a promise to the guest. Single operations: ${operations}.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Crash safety by operation">
<table class="summary" id="safety-table"><caption class="hidden">What a power cut leaves, by what the guest was doing</caption>
<thead><tr><th scope="col">Power cut during</th>${items.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>
<div class="tools">${copyButtons('safety-table', 'crash safety by operation')}</div>
${explained(countedCells(record))}
${stories(countedCells(record))}
</section>`;
}
