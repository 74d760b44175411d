/**
 * Reads records and draws a chart of its own, as SVG: the syncs of each policy, one bar each.
 *
 *     node examples/draw-records.ts results/runs/MACHINE/COMMIT/RUN.json > syncs.svg
 */
import { readRecord } from 'cowbench/results';

const BAR_HEIGHT = 22;
const LABEL_WIDTH = 220;
const CHART_WIDTH = 400;

const bars = process.argv
  .slice(2)
  .flatMap((file) =>
    readRecord(file).cells.flatMap(({ id, exact }) => (exact === null ? [] : [{ id, syncs: exact.fsyncs }])),
  );
const most = Math.max(1, ...bars.map(({ syncs }) => syncs));
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const height = bars.length * BAR_HEIGHT;

console.log(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LABEL_WIDTH + CHART_WIDTH} ${height}" font-family="sans-serif">`,
);
for (const [index, { id, syncs }] of bars.entries()) {
  const y = index * BAR_HEIGHT;
  console.log(
    `  <text x="${LABEL_WIDTH - 8}" y="${y + 15}" text-anchor="end" font-size="12">${escaped(id)}: ${syncs}</text>`,
  );
  console.log(
    `  <rect x="${LABEL_WIDTH}" y="${y + 3}" width="${(syncs / most) * CHART_WIDTH}" height="16" fill="#4269d0"/>`,
  );
}
console.log('</svg>');
