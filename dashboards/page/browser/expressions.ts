/**
 * Vega's expressions under a policy without `eval`: each is turned into nested functions once, where `vega-interpreter` walks its
 * syntax tree for every mark and every drawing, which took a third of the time in which a report was drawn. What is rare is left to that library:
 * events, and functions that are neither Vega's own nor in `Math`.
 */
import { expressionInterpreter as library } from 'vega-interpreter';

type Params = Readonly<Record<string, unknown>>;
type Item = Record<string, unknown>;
type Evaluate = (params: Params, datum: unknown, item: unknown) => unknown;
type Functions = Readonly<Record<string, ((...args: unknown[]) => unknown) | undefined>>;

/** What Vega hands over besides the expression: the functions of its runtime, which look up scales and data through `this`. */
export interface Context {
  readonly functions: Functions;
}

/** A node of the syntax tree (ESTree), as Vega's parser leaves it. */
interface Node {
  readonly type: string;
  readonly name: string;
  readonly operator: string;
  readonly computed: boolean;
  readonly value: unknown;
  readonly regex?: { readonly pattern: string; readonly flags: string };
  readonly callee: Node;
  readonly arguments: readonly Node[];
  readonly elements: readonly Node[];
  readonly properties: readonly { readonly key: Node; readonly value: Node }[];
  readonly object: Node;
  readonly property: Node;
  readonly left: Node;
  readonly right: Node;
  readonly argument: Node;
  readonly test: Node;
  readonly consequent: Node;
  readonly alternate: Node;
}

export interface Expression {
  readonly ast: unknown;
}

interface Encoding {
  readonly marktype: string;
  readonly channels: Readonly<Record<string, Expression>>;
}

// biome-ignore lint/suspicious/noExplicitAny: operators of a language without types
type Any = any;

const BINARY: Readonly<Record<string, (left: Any, right: Any) => unknown>> = {
  '*': (left, right) => left * right,
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '>': (left, right) => left > right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>=': (left, right) => left >= right,
  // biome-ignore lint/suspicious/noDoubleEquals: the operator itself
  '==': (left, right) => left == right,
  // biome-ignore lint/suspicious/noDoubleEquals: the operator itself
  '!=': (left, right) => left != right,
  '===': (left, right) => left === right,
  '!==': (left, right) => left !== right,
  '&': (left, right) => left & right,
  '|': (left, right) => left | right,
  '^': (left, right) => left ^ right,
  '<<': (left, right) => left << right,
  '>>': (left, right) => left >> right,
  '>>>': (left, right) => left >>> right,
};

const UNARY: Readonly<Record<string, (value: Any) => unknown>> = {
  '+': (value) => +value,
  '-': (value) => -value,
  '~': (value) => ~value,
  '!': (value) => !value,
};

/** Those called for every mark that are in neither. */
const COMMON: Functions = {
  isFinite: Number.isFinite as Any,
  isNaN: Number.isNaN as Any,
  length: (value: Any) => value.length,
};

const CONSTANTS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  MIN_VALUE: Number.MIN_VALUE,
  MAX_VALUE: Number.MAX_VALUE,
  ...Object.fromEntries(
    (['E', 'LN2', 'LN10', 'LOG2E', 'LOG10E', 'PI', 'SQRT1_2', 'SQRT2'] as const).map((name) => [name, Math[name]]),
  ),
};

/** What no member of a value may be, as in the library: the policy of the page would stop the first two as well. */
// biome-ignore lint/security/noGlobalEval: named so that it can be refused
const REFUSED = new Set<unknown>([Function, eval, setTimeout, setInterval]);

function identifier(name: string): Evaluate {
  if (name === 'datum') return (_params, datum) => datum;
  if (name === 'item') return (_params, _datum, item) => item;
  if (name in CONSTANTS) return () => CONSTANTS[name];
  const key = `$${name}`;
  return (params) => params[key];
}

function member(object: Evaluate, property: Evaluate): Evaluate {
  return (params, datum, item) => {
    const value = (object(params, datum, item) as Any)[property(params, datum, item) as PropertyKey];
    return typeof value === 'function' && REFUSED.has(value) ? undefined : value;
  };
}

function named(object: Evaluate, name: PropertyKey): Evaluate {
  return (params, datum, item) => {
    const value = (object(params, datum, item) as Any)[name];
    return typeof value === 'function' && REFUSED.has(value) ? undefined : value;
  };
}

/** A function of the library, which it does not hand out: called with a datum that holds the arguments. */
function libraryCall(context: Context, name: string, count: number): (...args: unknown[]) => unknown {
  const datum = { type: 'Identifier', name: 'datum' };
  const args = Array.from({ length: count }, (_, value) => ({
    ...{ type: 'MemberExpression', computed: true, object: datum, property: { type: 'Literal', value } },
  }));
  const ast = { type: 'CallExpression', callee: { name }, arguments: args };
  const call = library.parameter(context, { ast }) as (datum: unknown, params: Params) => unknown;
  return (...values) => call(values, {});
}

function call(context: Context, node: Node): Evaluate {
  // Encoders mark the functions that need a scale.
  const name = node.callee.name.replace(/^_/, '');
  const args = node.arguments.map((one) => compiled(context, one));
  const [first, second, third] = args as [Evaluate, Evaluate, Evaluate];
  if (name === 'if') return (params, datum, item) => (first(params, datum, item) ? second : third)(params, datum, item);
  const { functions } = context;
  const own =
    functions[name] ?? COMMON[name] ?? (Math as unknown as Functions)[name] ?? libraryCall(context, name, args.length);
  if (args.length === 1) return (params, datum, item) => own.call(functions, first(params, datum, item));
  if (args.length === 2) {
    return (params, datum, item) => own.call(functions, first(params, datum, item), second(params, datum, item));
  }
  return (params, datum, item) =>
    own.apply(
      functions,
      args.map((one) => one(params, datum, item)),
    );
}

function literal({ regex, value }: Node): Evaluate {
  // One that remembers where it stopped must not be shared between calls.
  return regex === undefined ? () => value : () => new RegExp(regex.pattern, regex.flags);
}

function objectOf(context: Context, node: Node): Evaluate {
  const parts = node.properties.map(
    ({ key, value }) => [String(key.name ?? key.value), compiled(context, value)] as const,
  );
  return (params, datum, item) => Object.fromEntries(parts.map(([key, value]) => [key, value(params, datum, item)]));
}

function logical(operator: string, left: Evaluate, right: Evaluate): Evaluate {
  return operator === '&&'
    ? (params, datum, item) => left(params, datum, item) && right(params, datum, item)
    : (params, datum, item) => left(params, datum, item) || right(params, datum, item);
}

const COMPILERS: Readonly<Record<string, (context: Context, node: Node) => Evaluate>> = {
  Literal: (_context, node) => literal(node),
  Identifier: (_context, { name }) => identifier(name),
  MemberExpression: (context, { object, property, computed }) => {
    if (!computed) return named(compiled(context, object), property.name);
    if (property.type === 'Literal') return named(compiled(context, object), property.value as PropertyKey);
    return member(compiled(context, object), compiled(context, property));
  },
  CallExpression: call,
  ArrayExpression: (context, { elements }) => {
    const parts = elements.map((one) => compiled(context, one));
    return (params, datum, item) => parts.map((one) => one(params, datum, item));
  },
  BinaryExpression: (context, node) => {
    const operate = BINARY[node.operator]!;
    const [left, right] = [compiled(context, node.left), compiled(context, node.right)];
    return (params, datum, item) => operate(left(params, datum, item), right(params, datum, item));
  },
  UnaryExpression: (context, { operator, argument }) => {
    const operate = UNARY[operator]!;
    const value = compiled(context, argument);
    return (params, datum, item) => operate(value(params, datum, item));
  },
  LogicalExpression: (context, { operator, left, right }) =>
    logical(operator, compiled(context, left), compiled(context, right)),
  ConditionalExpression: (context, node) => {
    const test = compiled(context, node.test);
    const [yes, no] = [compiled(context, node.consequent), compiled(context, node.alternate)];
    return (params, datum, item) => (test(params, datum, item) ? yes : no)(params, datum, item);
  },
  ObjectExpression: objectOf,
};

function compiled(context: Context, node: Node): Evaluate {
  return COMPILERS[node.type]!(context, node);
}

type Side = readonly [start: string, end: string, centre: string, size: string];
const SIDES: readonly Side[] = [
  ['x', 'x2', 'xc', 'width'],
  ['y', 'y2', 'yc', 'height'],
];
const IN_ORDER = new Set(['group', 'image', 'rect']);

/** Vega's marks have a start and a size: given by two ends, or by a centre, they are put so. */
function place(item: Item, channels: Encoding['channels'], isInOrder: boolean): void {
  for (const [start, end, centre, size] of SIDES) {
    if (end in channels && start in channels) {
      const [one, other] = [item[start] as number, item[end] as number];
      if (isInOrder && one > other) [item[start], item[end]] = [other, one];
      item[size] = (item[end] as number) - (item[start] as number);
    } else if (end in channels) item[start] = (item[end] as number) - ((item[size] as number) || 0);
    if (centre in channels) item[start] = (item[centre] as number) - ((item[size] as number) || 0) / 2;
  }
}

/** Stands in a mark for the words of its tooltip: they take longer than placing it, and one mark in a thousand is asked for them. */
class Words {
  readonly #of: (item: Item) => unknown;

  constructor(of: (item: Item) => unknown) {
    this.#of = of;
  }

  of(item: unknown): unknown {
    return this.#of(item as Item);
  }
}

/** What a tooltip says, where `value` is what Vega found in the mark. */
export function tooltipWords(item: unknown, value: unknown): unknown {
  return value instanceof Words ? value.of(item) : value;
}

/** In the form that Vega's `View` takes as `expr`. */
export const compiledExpressions = {
  ...library,
  operator(context: Context, { ast }: Expression) {
    const evaluate = compiled(context, ast as Node);
    return (params: Params) => evaluate(params, undefined, undefined);
  },
  parameter(context: Context, { ast }: Expression) {
    const evaluate = compiled(context, ast as Node);
    return (datum: unknown, params: Params) => evaluate(params, datum, undefined);
  },
  encode(context: Context, { marktype, channels }: Encoding) {
    const each = Object.entries(channels).map(([name, { ast }]) => [name, compiled(context, ast as Node)] as const);
    const atOnce = each.filter(([name]) => name !== 'tooltip');
    const [, tooltip] = each.find(([name]) => name === 'tooltip') ?? [];
    // The parameters of an encoder are one object, whose values change.
    let words: Words | undefined;
    return (item: Item, params: Params) => {
      const { datum } = item;
      let changed = 0;
      if (tooltip !== undefined) item.tooltip = words ??= new Words((asked) => tooltip(params, asked.datum, asked));
      for (const [name, evaluate] of atOnce) {
        const value = evaluate(params, datum, item);
        if (item[name] === value) continue;
        item[name] = value;
        changed = 1;
      }
      if (marktype !== 'rule') place(item, channels, IN_ORDER.has(marktype));
      return changed;
    };
  },
};
