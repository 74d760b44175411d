/** What a power cut does to each policy, in the words of a table's cell: during the run's workload, other operations, other sequences. */
import type { Cell, CrashVerdict, RunRecord, Safety } from '../../results/record.ts';
import { type Html, html } from '../page/html.ts';
import type { CountedCell } from '../reading/cells.ts';
import { crashWords } from '../reading/crash-words.ts';
import { formatCount } from '../reading/quantities.ts';

type Tone = 'good' | 'warn' | 'bad' | 'unknown';
type Operation = Safety['operations'][number];

export interface SafetyCell {
  readonly tone: Tone;
  readonly content: Html;
}

function toneOf(verdict: CrashVerdict['verdict'] | undefined): Tone {
  if (verdict === undefined) return 'unknown';
  return verdict === 'violated' ? 'bad' : verdict === 'leaks' ? 'warn' : 'good';
}

function verdictCell(crash: CrashVerdict | null | undefined): SafetyCell {
  if (crash == null) return { tone: 'unknown', content: html`not explored` };
  const words = crashWords(crash);
  return { tone: toneOf(crash.verdict), content: html`<span title="${words}">${shortWords(crash)}</span>` };
}

function shortWords({ verdict, distinctStates }: CrashVerdict): string {
  const states = `${formatCount(distinctStates)} states`;
  if (verdict === 'violated') return `fails, ${states}`;
  return verdict === 'leaks' ? `${states}, leaks space` : states;
}

/** Without a cell: not measured. */
export function workloadCell(item?: CountedCell): SafetyCell {
  return verdictCell(item?.cell.safety?.workload);
}

export function otherStatesCell({ cell: { crash } }: CountedCell): SafetyCell {
  return verdictCell(crash);
}

export function operationName({ operation, onSnapshot }: Pick<Operation, 'operation' | 'onSnapshot'>): string {
  return onSnapshot ? `${operation} on a disk with a snapshot` : operation;
}

export function operationsCell({ cell: { safety } }: CountedCell): SafetyCell {
  const operations = safety?.operations ?? [];
  if (operations.length === 0) return { tone: 'unknown', content: html`not explored` };
  const bad = operations.filter(({ verdict }) => verdict === 'violated');
  if (bad.length === 0) return { tone: 'good', content: html`all ${operations.length}` };
  const names = [...new Set(bad.map(({ operation }) => operation))].join(', ');
  return {
    tone: 'bad',
    content: html`<a href="#crash-safety" title="${names}">${bad.length} of ${operations.length} fail</a>`,
  };
}

/** What was explored, in the record's own words; the same for all policies of a run. */
export function exploredOf({ cells }: RunRecord): { workload: string; operations: string; others: string } {
  const first = (of: (cell: Cell) => string | undefined | null) => cells.map(of).find((text) => text != null);
  return {
    workload: first(({ safety }) => safety?.workload?.explored) ?? 'not explored in this run',
    operations: first(({ safety }) => safety?.exploredOperations) ?? 'not explored in this run',
    others: first(({ crash }) => crash?.explored) ?? 'not explored in this run',
  };
}
