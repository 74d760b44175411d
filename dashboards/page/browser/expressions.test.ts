/** Expressions as functions say what the library's interpreter says: over the language, and in every chart there is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, type Spec, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import type { RunRecord } from '../../../results/record.ts';
import { vegaWithRows } from '../../charts/chart-bundle.ts';
import { compileQuestion } from '../../charts/compile.ts';
import { ask } from '../../charts/question.ts';
import { QUESTIONS } from '../../questions/index.ts';
import { matrixRecord } from '../../testing/fixture-answer.ts';
import { fixtureRecord } from '../../testing/fixture-record.ts';
import { profiledRecord } from '../../testing/profiled-record.ts';
import { rawRecord } from '../../testing/raw-record.ts';
import { compiledExpressions, tooltipWords } from './expressions.ts';

async function run(spec: unknown, expr: unknown): Promise<View> {
  const runtime = parse(spec as Spec, undefined, { ast: true });
  return new View(runtime, { expr, renderer: 'none' } as never).runAsync();
}

const LANGUAGE = [
  "1 + 2 * 3 - 4 / 5 % 6 + '7'",
  "[1 < 2, 1 > 2, 2 <= 2, 2 >= 3, '1' == 1, '1' === 1, '1' != 1, '1' !== 1]",
  '[6 & 3, 6 | 3, 6 ^ 3, 6 << 2, -6 >> 1, -6 >>> 28, ~6, -6, +"6", !6]',
  '[0 || "or", 1 || "or", 0 && "and", 1 && "and", 0 ? "yes" : "no", if(one, "yes", "no")]',
  "{a: 1, 'b c': [one, thing.inner.deep, thing['inner'].deep, thing[one + 'x']]}",
  '[PI, E, SQRT2, MIN_VALUE]',
  '[abs(-2), max(1, 5, 3), pow(2, 10), floor(2.7), hypot(3, 4), clamp(9, 0, 5), round(2.5), log(E)]',
  "[length('four'), length([1, 2]), isFinite('1'), isFinite(1), isNaN(0 / 0), isValid(null), isArray([1])]",
  "[upper('a'), trim('  a '), split('a-b', '-'), substring('abcdef', 1, 3), replace('aXbX', /X/g, '-'), slice('abc', 1)]",
  "[test(/b/, 'abc'), indexof([1, 2, 3], 3), join(['a', 'b'], '+'), sort([3, 1, 2]), reverse([1, 2]), span([3, 9])]",
  "[format(1234.5, ',.2f'), utcyear(datetime(2020, 5, 5)), toNumber('12'), merge({a: 1}, {b: 2})]",
  'thing.constructor.constructor',
];

test('every kind of expression has the value that the interpreter gives it', async (context) => {
  // The library says on the console what it refuses to look up; here nothing more than the value is compared.
  context.mock.method(console, 'error', () => undefined);
  const spec = {
    signals: [
      { name: 'one', value: 1 },
      { name: 'thing', value: { inner: { deep: 'down' }, '1x': 'member' } },
      ...LANGUAGE.map((update, index) => ({ name: `s${index}`, update })),
    ],
  };
  const [ours, theirs] = [await run(spec, compiledExpressions), await run(spec, expressionInterpreter)];
  for (const [index, update] of LANGUAGE.entries()) {
    assert.deepEqual(ours.signal(`s${index}`), theirs.signal(`s${index}`), update);
  }
  assert.equal(ours.signal(`s${LANGUAGE.length - 1}`), undefined, 'the constructor of functions is out of reach');
});

test('marks with two ends or a centre are placed as the interpreter places them', async () => {
  const ends = [
    { x: 9, x2: 3 },
    { x2: 5, width: 4 },
    { xc: 7, width: 2 },
    { xc: 7 },
    { y: 2, y2: 8 },
    { yc: 3, height: 4 },
  ];
  const channels = (values: Record<string, number>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
  const marks = ['rect', 'bar', 'rule', 'area'].flatMap((type) =>
    ends.map((values) => ({ type: type === 'bar' ? 'symbol' : type, encode: { update: channels(values) } })),
  );
  const places = async (expr: unknown) =>
    JSON.stringify(
      (
        (await run({ marks }, expr)).scenegraph() as never as { root: { items: { items: { items: object[] }[] }[] } }
      ).root.items[0]!.items.map(({ items }) =>
        items.map((item) => ({ ...item, mark: null, bounds: null, datum: null })),
      ),
    );
  assert.equal(await places(compiledExpressions), await places(expressionInterpreter));
});

/** Where two long texts part, with what follows in each; null where they are equal. Names of clips are counted on from chart to chart. */
function parting(one: string, other: string): readonly string[] | null {
  const [left, right] = [one, other].map((text) => text.replace(/(clip|gradient_)\d+/g, '$1')) as [string, string];
  const at = [...left].findIndex((character, index) => character !== right[index]);
  if (at < 0 && left.length === right.length) return null;
  const from = at < 0 ? left.length : at;
  return [left, right].map((text) => text.slice(from, from + 80));
}

interface Item {
  readonly tooltip?: unknown;
  readonly items?: readonly Item[];
}

function tooltips(item: Item): unknown[] {
  const own = item.tooltip === undefined ? [] : [tooltipWords(item, item.tooltip)];
  return [...own, ...(item.items ?? []).flatMap(tooltips)];
}

const ASKED: readonly RunRecord[] = [fixtureRecord(), matrixRecord(), rawRecord(), profiledRecord()];

for (const question of QUESTIONS) {
  const record = ASKED.find((one) => question.ask(one) !== null);
  if (record === undefined) continue;
  test(`${question.id}: the same drawing, and the same words under the pointer`, async () => {
    const bundle = compileQuestion(ask(question, record))!;
    const ours = await run(vegaWithRows(bundle), compiledExpressions);
    const theirs = await run(vegaWithRows(bundle), expressionInterpreter);
    assert.equal(parting(await ours.toSVG(), await theirs.toSVG()), null);
    const words = (view: View) => tooltips((view.scenegraph() as never as { root: Item }).root);
    const [said, wanted] = [words(ours), words(theirs)];
    assert.equal(said.length, wanted.length);
    for (const [index, one] of said.entries()) assert.deepEqual(one, wanted[index]);
  });
}
