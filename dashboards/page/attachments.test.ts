import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleCell, sampleRecord } from '../../results/testing/sample-record.ts';
import { profilesSection } from './attachments.ts';

test('a run without profiles has no section', () => {
  assert.equal(profilesSection(sampleRecord()).markup, '');
});

test('parts of the CPU time, and links to files beside the report only; labels are escaped', () => {
  const profile = [
    { part: 'engine/<b>', selfNs: 9_000_000, share: 0.9 },
    { part: 'dust', selfNs: 10, share: 0.001 },
  ];
  const attachments = [
    { title: 'CPU profile', file: 'a b.cpuprofile' },
    { title: 'elsewhere', file: '../../etc/passwd' },
  ];
  const { markup } = profilesSection(sampleRecord({ cells: [sampleCell({ profile })], attachments }));
  assert.match(markup, /engine\/&lt;b&gt;.*90\s%/);
  assert.doesNotMatch(markup, /dust/);
  assert.match(markup, /<a href="\.\/a%20b\.cpuprofile">CPU profile<\/a>/);
  assert.doesNotMatch(markup, /href="[^"]*passwd/);
});
