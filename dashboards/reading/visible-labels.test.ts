/** Untrusted labels: nothing invisible, nothing that reorders, nothing lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { html, scriptJson } from '../page/html.ts';
import { visibleLabel, withVisibleLabels } from './visible-labels.ts';

test('controls, direction marks and zero-width characters are written out', () => {
  assert.equal(visibleLabel('\u001b[31mred'), '\\u001b[31mred');
  assert.equal(visibleLabel('a\u202eb\u200bc\u2066d\nе'), 'a\\u202eb\\u200bc\\u2066d\\u000aе');
  assert.equal(visibleLabel('plain – ünïcode 漢字 😀'), 'plain – ünïcode 漢字 😀');
  assert.equal(visibleLabel('lone \ud800 surrogate'), 'lone \\ud800 surrogate');
});

test('keys and nested values too, numbers untouched', () => {
  assert.deepEqual(withVisibleLabels({ 'a\u0000': ['b\u202e', 1, null, true] }), {
    'a\\u0000': ['b\\u202e', 1, null, true],
  });
});

test('no text can leave an element, an attribute or the data of the page', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`;
      const inner = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/s.exec(markup);
      assert.ok(inner !== null, markup);
      const json = scriptJson({ text }).markup;
      assert.ok(!json.includes('<'));
      assert.deepEqual(JSON.parse(json), { text });
    }),
    { seed: 7 },
  );
});
