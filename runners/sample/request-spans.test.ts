import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_SPANS, RequestSpans } from './request-spans.ts';

function spansOf(requests: number): number[] | null {
  const spans = new RequestSpans();
  for (let index = 0; index < requests; index++) spans.add(index + 0.25);
  return spans.build();
}

test('a short stream has a span for each request, a longer one spans of two, four, eight', () => {
  assert.equal(spansOf(0), null);
  const virtual = new RequestSpans();
  virtual.add(0);
  assert.equal(virtual.build(), null, 'no time passes in the engine');
  assert.deepEqual(spansOf(3), [0, 1, 2]);
  assert.equal(spansOf(MOST_SPANS)!.length, MOST_SPANS);
  const twice = spansOf(MOST_SPANS + 2)!;
  assert.deepEqual([twice.length, twice[0], twice[1]], [MOST_SPANS / 2 + 1, Math.round(1.5), Math.round(5.5)]);
});

test('spans cover the stream in its order, but for a last one that is not full', () => {
  const requests = 5 * MOST_SPANS + 3;
  const spans = spansOf(requests)!;
  const length = 8;
  assert.equal(spans.length, Math.floor(requests / length));
  for (const [span, ns] of spans.entries()) {
    const first = span * length;
    assert.equal(ns, length * 0.25 + (length * (first + first + length - 1)) / 2, `span ${span}`);
  }
});
