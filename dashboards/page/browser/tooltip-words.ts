/**
 * The words of a tooltip are worked out when the pointer asks for them: they take longer than placing the mark, and one mark in a
 * thousand is asked. All expressions are `vega-interpreter`'s, since the page forbids `eval`.
 */
import { expressionInterpreter } from 'vega-interpreter';

type Item = Record<string, unknown>;
type Params = Readonly<Record<string, unknown>>;
type Encode = (item: Item, params: Params) => unknown;

interface Encoding {
  readonly marktype: string;
  readonly channels: Readonly<Record<string, unknown>>;
}

/** Stands in a mark for what its tooltip says. */
class Words {
  readonly #encode: Encode;
  readonly #params: Params;

  constructor(encode: Encode, params: Params) {
    this.#encode = encode;
    this.#params = params;
  }

  /** The encoder puts them into what it is given, so that is not the mark itself. */
  of(item: Item): unknown {
    const said: Item = Object.create(item);
    this.#encode(said, this.#params);
    return said.tooltip;
  }
}

/** What a tooltip says, where `value` is what Vega found in the mark. */
export function tooltipWords(item: unknown, value: unknown): unknown {
  return value instanceof Words ? value.of(item as Item) : value;
}

/** In the form that Vega's `View` takes as `expr`. */
export const tooltipsOnDemand = {
  ...expressionInterpreter,
  encode(context: unknown, { marktype, channels }: Encoding): Encode {
    const { tooltip, ...atOnce } = channels;
    const encode: Encode = expressionInterpreter.encode(context, { marktype, channels: atOnce });
    if (tooltip === undefined) return encode;
    // The mark is placed already: of a `rule`, the encoder sets the channels and nothing else.
    const say: Encode = expressionInterpreter.encode(context, { marktype: 'rule', channels: { tooltip } });
    // The parameters of an encoder are one object, whose values change.
    let words: Words | undefined;
    return (item, params) => {
      item.tooltip = words ??= new Words(say, params);
      return encode(item, params);
    };
  },
};
