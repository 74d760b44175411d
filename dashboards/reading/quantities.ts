/**
 * Numbers as people read them: grouped counts, binary bytes, durations, ratios. The exact value always stays next to it
 * in the page (a tooltip), so these may round to three digits.
 */

const THIN_SPACE = '\u202f';
const NO_BREAK_SPACE = '\u00a0';

/** `12345` as `12 345`, with narrow no-break spaces; exact. */
export function formatCount(value: number): string {
  const [whole = '', fraction] = String(value).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN_SPACE);
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** `1 sync`, `2 syncs`. */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Three significant digits without an exponent: `1.25`, `31.4`, `5 850`. */
export function formatShort(value: number): string {
  if (value === 0) return '0';
  const digits = Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.min(Math.max(2 - digits, 0), 6);
  const fixed = value.toFixed(decimals);
  return formatCount(Number(fixed));
}

function withUnit(value: number, steps: readonly (readonly [number, string])[]): string {
  const step = steps.find(([size]) => value >= size) ?? steps.at(-1);
  if (step === undefined) return formatShort(value);
  return `${formatShort(value / step[0])}${NO_BREAK_SPACE}${step[1]}`;
}

const BYTE_STEPS = [
  [1024 ** 4, 'TiB'],
  [1024 ** 3, 'GiB'],
  [1024 ** 2, 'MiB'],
  [1024, 'KiB'],
  [1, 'B'],
] as const;

/** Bytes in binary units: `1.91 GiB`. */
export function formatBytes(bytes: number): string {
  return withUnit(bytes, BYTE_STEPS);
}

const DURATION_STEPS = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
] as const;

/** Nanoseconds as `850 µs`, `3.2 s`, `4 min 12 s`, `2 h 05 min`. */
export function formatDuration(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  if (seconds >= 3600) {
    const minutes = Math.round(ns / 60e9);
    return `${Math.floor(minutes / 60)}${NO_BREAK_SPACE}h ${String(minutes % 60).padStart(2, '0')}${NO_BREAK_SPACE}min`;
  }
  if (seconds >= 120) {
    return `${Math.floor(seconds / 60)}${NO_BREAK_SPACE}min ${String(seconds % 60).padStart(2, '0')}${NO_BREAK_SPACE}s`;
  }
  return withUnit(ns, DURATION_STEPS);
}

/** A factor: `31.1×`. */
export function formatRatio(ratio: number): string {
  return `${formatShort(ratio)}×`;
}

/** A share from 0 to 1: `12.5 %`. */
export function formatShare(share: number): string {
  return `${formatShort(share * 100)}${NO_BREAK_SPACE}%`;
}

/** What is compared, and the words around it: `99.4 % fewer syncs than`, `17 times as many syncs as`, `4 % more syncs than`. */
export function compareInWords(value: number, reference: number, noun: string): string {
  const things = noun === '' ? '' : ` ${noun}`;
  if (value === reference) return `exactly as many${things} as`;
  if (reference === 0) return `${formatCount(value)}${things} against none of`;
  if (value === 0) return `no${things} at all, unlike`;
  if (value < reference) return `${formatShare((reference - value) / reference)} fewer${things} than`;
  const factor = value / reference;
  if (factor < 1.2) return `${formatShare(factor - 1)} more${things} than`;
  return `${formatShort(factor)} times as many${things} as`;
}

interface NumberForm {
  readonly show: (value: number) => string;
  /** To the digit, with its unit. */
  readonly exact: (value: number) => string;
  /** What an exact value in a column of such numbers is followed by. */
  readonly unit: string;
}

/** How each kind of number is written, in tables of the page and in what is copied from them. */
export const NUMBER_FORMS = {
  count: { show: formatCount, exact: formatCount, unit: '' },
  bytes: { show: formatBytes, exact: (value) => `${formatCount(value)} bytes`, unit: ' bytes' },
  duration: { show: formatDuration, exact: (value) => `${formatCount(Math.round(value))} ns`, unit: ' ns' },
  ratio: { show: formatRatio, exact: (value) => `factor ${value}`, unit: '×' },
  share: { show: formatShare, exact: (value) => `share ${value}`, unit: '' },
} as const satisfies Readonly<Record<string, NumberForm>>;
