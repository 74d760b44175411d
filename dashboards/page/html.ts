/**
 * HTML by template, safe by default: every value put into {@link html} is escaped unless it is itself made by it.
 * The page has no other way to turn text into markup.
 */

export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

type Value = Html | string | number | null | false | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

function markupOf(value: Value): string {
  if (value instanceof Html) return value.markup;
  if (Array.isArray(value)) return value.map(markupOf).join('');
  if (value === null || value === false) return '';
  return escapeHtml(String(value));
}

/** Markup with its values escaped; `null` and `false` leave nothing, lists are joined. Attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(
    strings.map((string, index) => string + (index < values.length ? markupOf(values[index] ?? null) : '')).join(''),
  );
}

/** JSON that can stand inside a `<script>` element: no `<` in it can end the element. */
export function scriptJson(json: unknown): Html {
  return new Html(
    JSON.stringify(json).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029'),
  );
}

/** Text that is markup already: only for what this project wrote itself (its own style sheet and bundled script). */
export function ownMarkup(markup: string): Html {
  return new Html(markup);
}
