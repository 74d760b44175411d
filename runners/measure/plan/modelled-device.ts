/** The devices that `--device model:NAME` names, and their parameters in a record. */
import { DEFAULT_HOST, MODELLED_DEVICES } from '../../../engine/index.ts';
import type { Cell } from '../../../results/record.ts';
import { UsageError } from '../../console/errors.ts';
import { unknownWord } from '../../console/suggest.ts';
import type { StorageProbe } from '../../machine/probe.ts';
import { fitDeviceModel } from '../../machine/probe-fit.ts';
import type { ModelledDevice } from '../../sample/job.ts';

/** The model of the storage under the images. */
const PROBED_DEVICE = 'probed';
export const DEVICE_NAMES = [...MODELLED_DEVICES.map(({ name }) => name), PROBED_DEVICE];

/** Reads one word of `--device`: `real` gives null. Throws UsageError. */
export function deviceNamed(word: string): string | null {
  if (word === 'real') return null;
  const name = /^model:(.+)$/.exec(word)?.[1];
  if (name === undefined) throw new UsageError(`--device "${word}": expected real or model:NAME`);
  if (DEVICE_NAMES.includes(name)) return name;
  throw new UsageError(`--device: ${unknownWord('modelled device', name, DEVICE_NAMES)}`);
}

/** The model of that name; `probe` is only asked for when it is the probed one. */
export function modelNamed(name: string, probe: () => StorageProbe): ModelledDevice {
  if (name === PROBED_DEVICE) return fitDeviceModel(probe());
  return { device: MODELLED_DEVICES.find((device) => device.name === name)!, host: DEFAULT_HOST };
}

/** Every number of the model by its path, for the record. */
export function modelParameters({ device, host }: ModelledDevice): NonNullable<Cell['device']['parameters']> {
  const { mechanics, ...rest } = device;
  return { ...numbers('', rest), ...numbers('mechanics.', mechanics ?? {}), ...numbers('host.', host) };
}

function numbers(prefix: string, values: object): Record<string, number> {
  const entries = Object.entries(values).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(entries.map(([name, value]) => [`${prefix}${name}`, value]));
}

/** The probed model that a record was made with; null for any other, whose parameters are part of the program. */
export function modelOfRecord({ device: { kind, name, parameters } }: Cell): ModelledDevice | null {
  if (kind !== 'model' || name !== PROBED_DEVICE || parameters === undefined) return null;
  const host = Object.keys(DEFAULT_HOST).map((key) => [key, parameters[`host.${key}`]]);
  const device = Object.entries(parameters).filter(([key]) => !key.startsWith('host.'));
  return {
    device: { name, description: 'this storage, as it was probed', mechanics: null, ...Object.fromEntries(device) },
    host: Object.fromEntries(host),
  } as ModelledDevice;
}
