/** PNG of an SVG picture, by Chromium without a window: the one program that draws text as the page does. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ChartError } from './chart-error.ts';

/** Chromium without a window, that asks no network for anything. */
export const HEADLESS_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PIXELS_PER_UNIT = 2;
const TIME_LIMIT_MS = 60_000;

function sizeOf(svg: string): { width: number; height: number } {
  const root = svg.slice(0, svg.indexOf('>'));
  const read = (name: string) => Math.ceil(Number(new RegExp(`\\b${name}="([0-9.]+)"`).exec(root)?.[1]));
  return { width: read('width'), height: read('height') };
}

function run(program: string, words: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    // Not the option `timeout`: where nothing is started, its timer keeps this process for all of its time.
    const child = spawn(program, words, { stdio: 'ignore', signal: AbortSignal.timeout(TIME_LIMIT_MS) });
    child.on('error', ({ name }) => reject(new ChartError(name === 'AbortError' ? TOO_SLOW : cannotStart(program))));
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new ChartError(`'${program}' failed to draw the PNG (exit ${code})`)),
    );
  });
}

const TOO_SLOW = `Chromium draws the PNG for more than ${TIME_LIMIT_MS / 1000} s, and was stopped; SVG needs nothing`;

function cannotStart(program: string): string {
  return `PNG needs Chromium, and '${program}' cannot be started: apt-get install chromium brings it; SVG needs nothing`;
}

/** Two pixels a unit. Throws {@link ChartError} when Chromium cannot be started or fails. */
export async function rasterize(svg: string, chromium = 'chromium'): Promise<Uint8Array> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cowbench-'));
  try {
    const page = path.join(folder, 'chart.html');
    const picture = path.join(folder, 'chart.png');
    const { width, height } = sizeOf(svg);
    writeFileSync(page, `<!doctype html><meta charset="utf-8"><style>body{margin:0}svg{display:block}</style>${svg}`);
    await run(chromium, [
      ...HEADLESS_FLAGS,
      '--hide-scrollbars',
      `--user-data-dir=${path.join(folder, 'profile')}`,
      `--force-device-scale-factor=${PIXELS_PER_UNIT}`,
      `--window-size=${width},${height}`,
      `--screenshot=${picture}`,
      `file://${page}`,
    ]);
    return readFileSync(picture);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
