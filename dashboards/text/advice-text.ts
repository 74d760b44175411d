/** Which policy on which storage, for the terminal: the advice in a sentence, and the times that it rests on. */
import type { RunRecord } from '../../results/record.ts';
import { type Advice, imageAdvice, type StorageAdvice } from '../reading/advice.ts';
import { formatDuration, formatRatio } from '../reading/quantities.ts';
import { HERE } from '../reading/storages.ts';
import { textTable } from './text-table.ts';

const SHORT: Readonly<Record<string, string>> = {
  [HERE]: 'this disk',
  'hdd-7200': 'hard disk*',
  'sata-ssd-no-plp': 'SATA SSD*',
  'network-block': 'network*',
  'nvme-plp': 'NVMe PLP*',
};
const LEGEND = [
  'multiples of the first row; > fastest, ? not settled',
  '* modelled: exact, without the time of the engine',
];

/** A table of policies by storages for each image. */
export function storageLines(record: RunRecord, width?: number): string[] {
  const tables = imageAdvice(record).flatMap(({ image, advice }) => storageTable(image, advice, width));
  return tables.length > 0 ? [...tables, ...LEGEND] : [];
}

function storageTable(image: string, { storages }: Advice, width: number | undefined): string[] {
  const labels = [...new Set(storages.flatMap(({ times }) => times.map(({ label }) => label)))];
  if (labels.length === 0) return [];
  const head = [image === '' ? 'policy' : image, ...storages.map(({ id }) => SHORT[id] ?? id)];
  const first = (storage: StorageAdvice) => storage.times.find(({ verdict }) => verdict === 'baseline')?.label;
  const baseline = storages.map(first).find((label) => label !== undefined) ?? labels[0]!;
  const ordered = [baseline, ...labels.filter((label) => label !== baseline)];
  return textTable(
    head,
    ordered.map((label) => [label, ...storages.map((storage) => timeText(storage, label))]),
    width,
  );
}

function timeText(storage: StorageAdvice, label: string): string {
  const time = storage.times.find((one) => one.label === label);
  if (time === undefined) return '-';
  const isBest = storage.best.includes(label) && storage.outcome !== 'unsure';
  const mark = time.verdict === 'unsure' ? '?' : '';
  const text = time.ratio === null || time.verdict === 'baseline' ? formatDuration(time.ns) : formatRatio(time.ratio);
  return `${isBest ? '> ' : ''}${text}${mark}`;
}
