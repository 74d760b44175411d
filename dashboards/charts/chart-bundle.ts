/** What the page carries for each chart, and how its rows are packed. Shared by Node, which writes it, and the page. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface PackedRows {
  readonly fields: readonly string[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
}

/** The rows of one image of a sweep, shown when it is chosen. */
export interface ChartGroup {
  readonly label: string;
  readonly description: string;
  readonly sources: Readonly<Record<string, PackedRows>>;
}

export interface ChartBundle {
  readonly id: string;
  readonly description: string;
  readonly renderer: 'svg' | 'canvas';
  /** The question's own specification, colours still tokens, rows by name only. */
  readonly vegaLite: JsonObject;
  /** The same, compiled. */
  readonly vega: JsonObject;
  /** What is drawn at first. */
  readonly sources: Readonly<Record<string, PackedRows>>;
  /** Of a sweep: all images, that of `sources` among them. */
  readonly groups?: readonly ChartGroup[];
}

/** The chart with the rows of another image; itself where it has none of that label. */
export function withGroup(bundle: ChartBundle, label: string): ChartBundle {
  const group = bundle.groups?.find((other) => other.label === label);
  if (group === undefined) return bundle;
  const { description, sources } = group;
  return { ...bundle, description, sources, vegaLite: { ...bundle.vegaLite, description } };
}

/** Rows as the objects that Vega takes; new objects each time, because Vega writes into them. */
function unpackRows({ fields, rows }: PackedRows): Record<string, unknown>[] {
  return rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < fields.length; index += 1) row[fields[index]!] = values[index];
    return row;
  });
}

/** The compiled specification with its rows put where it names them, ready for Vega. */
export function vegaWithRows(bundle: ChartBundle): JsonObject {
  const data = (bundle.vega.data ?? []) as readonly JsonObject[];
  return {
    ...bundle.vega,
    data: data.map((source) => {
      const packed = bundle.sources[String(source.name)];
      const named = packed !== undefined && source.source === undefined;
      return named ? { ...source, values: unpackRows(packed) as unknown as Json } : source;
    }),
  };
}

/** The Vega-Lite specification that stands alone: rows inside, ready for any Vega-Lite editor. */
export function standaloneSpec(bundle: ChartBundle): JsonObject {
  const datasets = Object.fromEntries(
    Object.entries(bundle.sources).map(([name, packed]) => [name, unpackRows(packed)]),
  );
  return { ...bundle.vegaLite, datasets: datasets as unknown as Json };
}
