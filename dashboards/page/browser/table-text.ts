/** A table as text that other programs take: Markdown in human units, CSV and JSON with exact values. */
import type { Column } from '../../charts/question.ts';
import { NUMBER_FORMS } from '../../reading/quantities.ts';

export type Value = string | number | null;

export interface PlainTable {
  readonly columns: readonly Pick<Column, 'label' | 'quantity'>[];
  readonly rows: readonly (readonly Value[])[];
}

export type TableForm = 'markdown' | 'csv' | 'json';

/** As the page shows it. */
export function shownValue(value: Value, { quantity }: Pick<Column, 'quantity'>): string {
  if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return '–';
  return typeof value === 'number' && quantity !== 'text' ? NUMBER_FORMS[quantity].show(value) : String(value);
}

/** Spaces between groups of digits and before units are plain in text that is copied. */
function plainSpaces(text: string): string {
  return text.replaceAll(/[\u202f\u00a0]/g, ' ');
}

function markdownField(text: string): string {
  return plainSpaces(text)
    .replaceAll(/[|\\`*_<>[\]]/g, '\\$&')
    .replaceAll(/\s+/g, ' ');
}

function markdown({ columns, rows }: PlainTable): string {
  const line = (fields: readonly string[]) => `| ${fields.join(' | ')} |\n`;
  const rule = columns.map(({ quantity }) => (quantity === 'text' ? '---' : '---:'));
  const body = rows.map((row) =>
    line(columns.map((column, index) => markdownField(shownValue(row[index] ?? null, column)))),
  );
  return line(columns.map(({ label }) => markdownField(label))) + line(rule) + body.join('');
}

/** RFC 4180; a field that a spreadsheet would take for a formula begins with a quotation mark of its own. */
function csvField(value: Value): string {
  const text = typeof value === 'string' && /^[=+@\t-]/.test(value) ? `'${value}` : String(value ?? '');
  const plain = typeof value === 'string' ? plainSpaces(text) : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function csv({ columns, rows }: PlainTable): string {
  const lines = [columns.map(({ label }) => label), ...rows];
  return lines.map((line) => `${line.map(csvField).join(',')}\r\n`).join('');
}

function json({ columns, rows }: PlainTable): string {
  const objects = rows.map((row) =>
    Object.fromEntries(columns.map(({ label }, index) => [plainSpaces(label), row[index] ?? null])),
  );
  return `${JSON.stringify(objects, null, 2)}\n`;
}

const WRITERS: Readonly<Record<TableForm, (table: PlainTable) => string>> = { markdown, csv, json };

export function tableText(table: PlainTable, form: TableForm): string {
  return WRITERS[form](table);
}
