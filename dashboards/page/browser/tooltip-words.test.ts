/** With words on demand, every chart is what the library draws, and every tooltip says what the library would have said. */
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
import { tooltipsOnDemand, tooltipWords } from './tooltip-words.ts';

async function run(spec: unknown, expr: unknown): Promise<View> {
  const runtime = parse(spec as Spec, undefined, { ast: true });
  return new View(runtime, { expr, renderer: 'none' } as never).runAsync();
}

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
    const ours = await run(vegaWithRows(bundle), tooltipsOnDemand);
    const theirs = await run(vegaWithRows(bundle), expressionInterpreter);
    assert.equal(parting(await ours.toSVG(), await theirs.toSVG()), null);
    const words = (view: View) => tooltips((view.scenegraph() as never as { root: Item }).root);
    const [said, wanted] = [words(ours), words(theirs)];
    assert.equal(said.length, wanted.length);
    for (const [index, one] of said.entries()) assert.deepEqual(one, wanted[index]);
  });
}
