/** What a reader must know before believing a number: failed checks first, then times that say nothing. */
import type { RunRecord } from '../../results/record.ts';
import { cellLabels, MODELLED, timesMeaningless } from '../reading/cells.ts';
import { formatCount } from '../reading/quantities.ts';

export interface Warning {
  readonly severity: 'bad' | 'warn';
  readonly text: string;
}

function statusWarnings(record: RunRecord): Warning[] {
  const { status, failure } = record;
  if (status === 'complete') return [];
  const severity = status === 'failed' ? 'bad' : 'warn';
  return [{ severity, text: `The run is not complete (${status})${failure === null ? '' : `: ${failure}`}.` }];
}

function cellWarnings(record: RunRecord): Warning[] {
  const labels = cellLabels(record);
  return record.cells.flatMap((cell, index) => {
    const label = labels[index] ?? cell.id;
    const { verification: v } = cell;
    const detail = v.detail === undefined ? '' : `: ${v.detail}`;
    const found: Warning[] = [];
    if (v.content === 'different')
      found.push({ severity: 'bad', text: `${label}: the guest’s data came back different${detail}.` });
    if (v.check === 'corrupt') {
      found.push({
        severity: 'bad',
        text: `${label}: the image is corrupt (${formatCount(v.corruptions)} errors)${detail}.`,
      });
    }
    if (!cell.deterministic) {
      found.push({
        severity: 'bad',
        text: `${label}: two rounds counted differently; its exact counts cannot be trusted.`,
      });
    }
    if (v.check === 'leaks')
      found.push({ severity: 'warn', text: `${label}: ${formatCount(v.leaks)} clusters leaked.` });
    if (cell.exact !== null && v.content === 'not-run') {
      found.push({ severity: 'warn', text: `${label}: the guest’s data was not read back.` });
    }
    return found;
  });
}

function timeWarnings(record: RunRecord): Warning[] {
  const labels = cellLabels(record);
  const reasons = new Map<string, string[]>();
  record.cells.forEach((cell, index) => {
    const reason = timesMeaningless(record, cell);
    if (reason !== null) reasons.set(reason, [...(reasons.get(reason) ?? []), labels[index] ?? cell.id]);
  });
  return [...reasons].map(([reason, cells]) => ({
    severity: 'warn',
    text:
      reason === MODELLED && cells.length === record.cells.length
        ? 'Times in this run come from a device model: exact and repeatable, but only as good as the model.'
        : `Times are not those of a real disk for ${cells.length === record.cells.length ? 'any policy of this run' : cells.join(', ')}: ${reason}. Counts are exact.`,
  }));
}

export function warningsOf(record: RunRecord): Warning[] {
  const recorded = record.environment.warnings.map((text): Warning => ({ severity: 'warn', text }));
  const dirty: Warning[] = record.source.dirty
    ? [
        {
          severity: 'warn',
          text:
            record.source.problem === undefined
              ? 'The source had uncommitted changes, so this run cannot be repeated exactly.'
              : 'Neither the commit nor uncommitted changes are known, so this run cannot be repeated exactly.',
        },
      ]
    : [];
  const all = [...statusWarnings(record), ...cellWarnings(record), ...timeWarnings(record), ...recorded, ...dirty];
  return [...all.filter(({ severity }) => severity === 'bad'), ...all.filter(({ severity }) => severity === 'warn')];
}
