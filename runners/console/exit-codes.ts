/** What each command's exit codes mean: for its help, for `docs/exit-codes.md`, and for the test that holds all of them to it. */

/** The meaning of each exit code of one command. */
export type ExitCodes = Readonly<Record<number, string>>;

const FAILED = 'usage error, invalid input or I/O failure';
const PLAIN: ExitCodes = { 0: 'success', 2: FAILED };
/** As `qemu-img`: one code for whatever goes wrong. */
const IMAGE: ExitCodes = { 0: 'success', 1: FAILED };
const VERIFICATION = 'verification failed (guest data, image check or repeat counts)';

/** By the words that start a command. */
export const EXIT_CODE_TABLE: Readonly<Record<string, ExitCodes>> = {
  demo: { ...PLAIN, 1: VERIFICATION },
  bench: { ...PLAIN, 1: VERIFICATION },
  history: { ...PLAIN, 1: VERIFICATION },
  compare: { ...PLAIN, 1: `a regression, or ${VERIFICATION}` },
  trend: PLAIN,
  gate: { ...PLAIN, 1: 'a regression', 3: 'no baseline to compare with' },
  doctor: PLAIN,
  micro: PLAIN,
  calibrate: { ...PLAIN, 1: 'the model is out of tolerance for some policy', 3: 'unsure: nothing can be concluded' },
  crash: { ...PLAIN, 1: 'a crash state breaks a promise to the guest' },
  explore: { ...PLAIN, 1: 'a crash state breaks a promise to the guest' },
  safety: PLAIN,
  fuzz: { ...PLAIN, 1: 'a defect was found' },
  ops: PLAIN,
  serve: PLAIN,
  record: PLAIN,
  load: PLAIN,
  'image create': IMAGE,
  'image info': IMAGE,
  'image check': {
    0: 'no errors found',
    1: 'the check failed or is incomplete',
    2: 'corruption found',
    3: 'leaked clusters found, no corruption',
    63: 'the format has no check',
  },
  'image map': IMAGE,
  'image snapshot': IMAGE,
  'image convert': IMAGE,
  'image compare': {
    0: 'same content',
    1: 'different content',
    2: 'usage error, or an image that cannot be opened',
    3: 'what an image holds cannot be determined',
    4: 'what it holds cannot be read',
  },
  'image resize': IMAGE,
  'image amend': IMAGE,
  'image dd': IMAGE,
  'image bitmap': IMAGE,
  'image rebase': IMAGE,
  'image commit': IMAGE,
  'image measure': IMAGE,
  'image bench': IMAGE,
  policies: PLAIN,
  workloads: PLAIN,
  env: PLAIN,
  report: PLAIN,
  open: PLAIN,
  site: PLAIN,
  submit: PLAIN,
  worker: PLAIN,
  fleet: PLAIN,
  store: { ...PLAIN, 1: 'verify: a run is not as it was stored' },
  schema: PLAIN,
  completion: PLAIN,
};

/** One line about the codes of `command`, for the end of its help; null for one that is not in the table. */
export function exitCodeLine(command: string): string | null {
  const codes = EXIT_CODE_TABLE[command];
  if (codes === undefined) return null;
  return `Exit codes: ${Object.entries(codes)
    .map(([code, meaning]) => `${code} ${meaning}`)
    .join('; ')}.`;
}

/** How an error ends: image commands do as qemu-img, for which 2 is a finding of `check` and 1 one of `compare`. */
export function failureExitCode([command, name]: readonly string[]): number {
  if (command !== 'image') return 2;
  return name === 'compare' ? 2 : 1;
}
