/** The answer as a table: what each policy takes on each storage, what it costs, and what a power cut does to it. */
import type { RunRecord } from '../../results/record.ts';
import { syncWork } from '../../results/sync-work.ts';
import { figure } from '../page/data-table.ts';
import { type Html, html } from '../page/html.ts';
import { imageAdvice, type StorageAdvice } from '../reading/advice.ts';
import { type CountedCell, countedCells } from '../reading/cells.ts';
import { hasInterval } from '../reading/paired-times.ts';
import { formatBytes, formatCount, formatDuration, formatRatio } from '../reading/quantities.ts';
import { type PolicyTime, storagesOf } from '../reading/storages.ts';
import { exploredOf, operationsCell, otherStatesCell, workloadCell } from './safety-cells.ts';

/** What is said of a policy in one row; `label` names it where the heads of the columns are not seen. */
type Column = ReturnType<typeof storagesOf>['cells'][number];

function cell(label: string, tone: string, content: Html): Html {
  return html`<td class="${tone}" data-label="${label}">${content}</td>\n`;
}

/** `1.97× faster`: how a time compares with the baseline's, where that is certain. */
function ratioWords({ ratio, verdict }: PolicyTime): string {
  if (ratio === null || verdict === 'unsure') return 'not settled';
  if (verdict === 'same') return 'the same';
  return ratio > 1 ? `${formatRatio(ratio)} slower` : `${formatRatio(1 / ratio)} faster`;
}

function rangeWords({ paired }: PolicyTime): string | null {
  if (paired === null) return null;
  const { ratio, low, high, pairs } = paired.interval;
  const range =
    ratio < 1 ? `${formatRatio(1 / high)} – ${formatRatio(1 / low)}` : `${formatRatio(low)} – ${formatRatio(high)}`;
  return hasInterval(paired) ? `${range}, ${pairs} pairs` : `${pairs === 1 ? '1 pair' : `${range}, ${pairs} pairs`}`;
}

function timeCell(storage: StorageAdvice, label: string): Html {
  const time = storage.times.find((one) => one.label === label);
  if (time === undefined) return cell(label, 'num', html`<span title="no time on this storage">–</span>`);
  const { ns, verdict } = time;
  const isBest = storage.outcome !== 'unsure' && storage.best.includes(label);
  const how = storage.isModel ? 'modelled, exact' : 'median of the rounds';
  const range = rangeWords(time);
  const words =
    verdict === 'baseline'
      ? figure(ns, 'duration', `${how} (${label} on ${storage.title})`)
      : html`<span title="${formatDuration(ns)}, ${how}; the baseline is the first time of this row">${ratioWords(time)}</span>`;
  const under =
    range === null ? null : html`<span class="under" title="interval of the ratio to the baseline">${range}</span>`;
  return cell(label, isBest ? 'num best' : 'num', html`${isBest ? html`<strong>${words}</strong>` : words}${under}`);
}

function storageRow(storage: StorageAdvice, columns: readonly Column[]): Html {
  const kind = storage.isModel
    ? html` <span class="tag" title="calculated by a device model: exact, as good as the model">model</span>`
    : null;
  return html`<tr><th scope="row">${storage.title}${kind}</th>${columns.map(({ label }) => timeCell(storage, label))}</tr>\n`;
}

interface Row {
  readonly head: Html;
  readonly of: (item: CountedCell) => Html;
  readonly tone?: (item: CountedCell) => string;
}

function countRows(record: RunRecord): Row[] {
  const cells = countedCells(record);
  const guest = cells[0]?.exact.guest.writeBytes ?? 0;
  const work = (item: CountedCell) => syncWork(item.cell);
  const split = cells.some((item) => work(item) !== null);
  const syncs: Row = {
    head: html`<span title="${split ? 'a sync without work finds nothing to write and costs next to nothing' : 'fdatasync calls'}">Syncs${split ? ' with / without work' : ''}</span>`,
    of: (item) => {
      const own = work(item);
      if (own === null) return figure(item.exact.fsyncs, 'count', `syncs (${item.label})`);
      return html`${figure(own.working, 'count', `syncs with work (${item.label})`)} / ${figure(own.idle, 'count', `syncs that found nothing to write (${item.label})`)}`;
    },
  };
  const durable: Row = {
    head: html`<span title="writes that return only once they are durable">O_DSYNC writes</span>`,
    of: ({ exact, label }) => figure(exact.odsyncWrites, 'count', `writes that are durable on return (${label})`),
  };
  const written: Row = {
    head: html`<span title="bytes of all writes, and how many times what the guest wrote">Written${guest === 0 ? null : html` for ${formatBytes(guest)}`}</span>`,
    of: ({ exact, label }) =>
      html`${figure(exact.writeBytes, 'bytes', `bytes written to the file (${label})`)}${guest === 0 ? null : html`, ${figure(exact.writeBytes / guest, 'ratio', 'write amplification')}`}`,
  };
  return [syncs, ...(cells.some(({ exact }) => exact.odsyncWrites > 0) ? [durable] : []), written];
}

function safetyRows(record: RunRecord): Row[] {
  const cells = countedCells(record);
  const { workload, operations, others } = exploredOf(record);
  const known = cells.some(({ cell: one }) => one.safety !== undefined);
  const row = (head: Html, of: (item: CountedCell) => { tone: string; content: Html }): Row => ({
    head,
    of: (item) => of(item).content,
    tone: (item) => `safety ${of(item).tone}`,
  });
  return [
    ...(known
      ? [
          row(html`Power cut during this workload<span class="under wrap">${workload}</span>`, workloadCell),
          row(html`Power cut during other operations<span class="under wrap">${operations}</span>`, operationsCell),
        ]
      : []),
    // Beside the workload's own operations these say nothing more about it: they are in the section on safety.
    ...(!known
      ? [row(html`Power cut during other sequences<span class="under wrap">${others}</span>`, otherStatesCell)]
      : []),
  ];
}

function body(record: RunRecord, storages: readonly StorageAdvice[], columns: readonly Column[]): Html {
  const items = countedCells(record);
  const rows = [...countRows(record), ...safetyRows(record)];
  const cellOf = (row: Row, { cell: wanted, label }: Column) => {
    const item = items.find(({ cell: one }) => one.id === wanted.id);
    return item === undefined ? cell(label, 'num', html`–`) : cell(label, row.tone?.(item) ?? 'num', row.of(item));
  };
  return html`${storages.map((storage) => storageRow(storage, columns))}${rows.map(
    (row) => html`<tr><th scope="row">${row.head}</th>${columns.map((column) => cellOf(row, column))}</tr>\n`,
  )}`;
}

/** Columns are policies; a sweep has a body for each image, of which one is shown. */
export function answerTable(record: RunRecord): Html {
  const parts = imageAdvice(record);
  const columns = storagesOf(parts[0]?.record ?? record).cells;
  if (columns.length === 0) return html``;
  const bodies = parts.map(({ image, advice, record: part }, index) => {
    const group = parts.length === 1 ? null : html` data-group="${image}"${index === 0 ? null : html` hidden`}`;
    return html`<tbody${group}>${body(part, advice.storages, storagesOf(part).cells)}</tbody>`;
  });
  const told = `${formatCount(columns.length)} ${columns.length === 1 ? 'policy' : 'policies'}`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Each policy on each storage">
<table class="summary answer" id="storage-table">
<caption class="hidden">Time on each storage, cost and safety of ${told}; the fastest of a row is bold</caption>
<thead><tr><td></td>${columns.map(({ label }) => html`<th scope="col" class="num">${label}</th>`)}</tr></thead>
${bodies}</table></div>`;
}
