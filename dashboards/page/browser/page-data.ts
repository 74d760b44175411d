/** What the page carries for its script: compressed, since specifications and rows repeat themselves a lot. */
import type { ChartBundle } from '../../charts/chart-bundle.ts';

/** The element that holds it: base64 of raw DEFLATE (RFC 1951) of JSON. */
const ELEMENT = 'charts';

export async function pageCharts(): Promise<ChartBundle[]> {
  const text = document.getElementById(ELEMENT)?.textContent ?? '';
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return (await new Response(inflated).json()) as ChartBundle[];
}
