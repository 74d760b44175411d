/**
 * Numbers that know where they come from, and sentences made of them. A sentence of the report holds no number but these: each
 * is shown with its origin when pointed at, and a test looks every one of them up in the records again.
 */
import { type Html, html } from '../page/html.ts';
import { formatBytes, formatCount, formatRatio, formatShort } from '../reading/quantities.ts';
import { counterAt, type HistoryRun, type Place } from './history-run.ts';

export interface Figure {
  readonly value: number;
  readonly shown: string;
  /** `[part stage mode counter]`, or such terms joined by ` + `, ` - `, ` / ` and ` * `, worked out from left to right. */
  readonly from: string;
}

type Format = (value: number) => string;

export function counter(run: HistoryRun, place: Place, path: string, format: Format = formatCount): Figure {
  const value = counterAt(run, place, path);
  return { value, shown: format(value), from: `[${place.part} ${place.stage} ${place.mode} ${path}]` };
}

export function bytesOf(run: HistoryRun, place: Place, path: string): Figure {
  return counter(run, place, path, formatBytes);
}

/** Times that the program blocked on the device: syncs, and writes that are durable on return. `of`: the request, or all. */
export function waits(run: HistoryRun, place: Place, of?: string): Figure {
  const prefix = of === undefined ? '' : `byRequest.${of}.`;
  return sum(counter(run, place, `${prefix}fsyncs`), counter(run, place, `${prefix}odsyncWrites`));
}

export function sum(first: Figure, ...others: readonly Figure[]): Figure {
  const value = others.reduce((total, { value: next }) => total + next, first.value);
  return { value, shown: formatCount(value), from: [first, ...others].map(({ from }) => from).join(' + ') };
}

/** `whole` without `part`, a figure of one term. */
export function without(whole: Figure, part: Figure): Figure {
  const value = whole.value - part.value;
  return { value, shown: formatCount(value), from: `${whole.from} - ${part.from}` };
}

/** Only for figures of one term, so that the origin can be read from left to right. */
export function product(first: Figure, second: Figure): Figure {
  const value = first.value * second.value;
  return { value, shown: formatCount(value), from: `${first.from} * ${second.from}` };
}

/** `total / parts`; `parts` is a figure of one term. */
export function each(total: Figure, parts: Figure): Figure {
  const value = parts.value === 0 ? 0 : total.value / parts.value;
  return { value, shown: formatShort(value), from: `${total.from} / ${parts.from}` };
}

/** How many times `reference` (of one term) `figure` is. */
export function times(figure: Figure, reference: Figure): Figure {
  const quotient = each(figure, reference);
  return { ...quotient, shown: formatRatio(quotient.value) };
}

export class Sentence {
  readonly text: string;
  readonly markup: Html;

  constructor(text: string, markup: Html) {
    this.text = text;
    this.markup = markup;
  }
}

type Piece = Figure | Sentence | string;

function textOf(piece: Piece): string {
  if (typeof piece === 'string') return piece;
  return piece instanceof Sentence ? piece.text : piece.shown;
}

function markupOf(piece: Piece): Html {
  if (typeof piece === 'string') return html`${piece}`;
  if (piece instanceof Sentence) return piece.markup;
  return html`<data value="${piece.value}" title="${piece.value} = ${piece.from}">${piece.shown}</data>`;
}

/** A sentence with figures, words and other sentences in it. */
export function say(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Sentence {
  const piece = (index: number) => pieces[index] ?? '';
  const text = strings.map((string, index) => string + textOf(piece(index))).join('');
  return new Sentence(text, html`${strings.map((string, index) => html`${string}${markupOf(piece(index))}`)}`);
}
