/** A check report as text for people and as JSON with the keys that users of qemu-img know. */
import { rounded } from '../base/units.ts';
import type { CheckReport } from './report.ts';

/** Findings a line each, a summary, and how the image is laid out. */
export function formatCheckText(report: CheckReport): string {
  const lines = report.findings.map(({ severity, text }) => `${severity === 'leak' ? 'leak' : 'ERROR'}: ${text}`);
  const found = report.leaks + report.corruptions + report.copiedErrors + report.checkErrors;
  if (found > report.findings.length) lines.push(`... and ${found - report.findings.length} more`);
  if (found === 0) lines.push('No errors were found on the image.');
  if (report.corruptions > 0)
    lines.push(`${counted(report.corruptions, 'error')}: data may be lost by reading or writing further.`);
  if (report.copiedErrors > 0) {
    const shared = report.copiedShared === 0 ? 'none' : report.copiedShared;
    lines.push(`${counted(report.copiedErrors, 'wrong COPIED flag')}, ${shared} on a shared cluster.`);
  }
  if (report.leaks > 0) lines.push(`${counted(report.leaks, 'leaked cluster')}: wasted space, no harm to data.`);
  if (report.checkErrors > 0) lines.push(`${counted(report.checkErrors, 'part')} could not be checked.`);
  if (report.isDirty) lines.push('The image was not closed properly (dirty bit).');
  if (report.isCorrupt) lines.push('The image is marked corrupt.');
  if (report.allocatedClusters > 0) lines.push(layoutLine(report));
  lines.push(`Image end offset: ${report.imageEndOffset}`);
  return `${lines.join('\n')}\n`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function layoutLine(report: CheckReport): string {
  const { totalClusters: total, allocatedClusters: allocated } = report;
  const percent = (part: number, whole: number) => `${rounded((100 * part) / whole, 2).toFixed(2)}%`;
  const fragmented = percent(report.fragmentedClusters, allocated);
  const compressed = percent(report.compressedClusters, allocated);
  return `${allocated}/${total} = ${percent(allocated, total)} allocated, ${fragmented} fragmented, ${compressed} compressed clusters`;
}

/** The object that `qemu-img check --output=json` would print for these counts, with `copied-errors` and `findings` added. */
export function checkJson(report: CheckReport): Record<string, unknown> {
  const optional = {
    corruptions: report.corruptions + report.copiedErrors,
    leaks: report.leaks,
    'copied-errors': report.copiedErrors,
    'allocated-clusters': report.allocatedClusters,
    'fragmented-clusters': report.fragmentedClusters,
    'compressed-clusters': report.compressedClusters,
  };
  return {
    'image-end-offset': report.imageEndOffset,
    'total-clusters': report.totalClusters,
    'check-errors': report.checkErrors,
    filename: report.fileName,
    format: 'qcow2',
    ...Object.fromEntries(Object.entries(optional).filter(([, count]) => count > 0)),
    ...(report.findings.length > 0 ? { findings: report.findings } : {}),
  };
}

/** The exit code of `qemu-img check`: 0 clean, 1 not fully checked, 2 corrupt, 3 leaks only. */
export function checkExitCode(report: CheckReport): 0 | 1 | 2 | 3 {
  if (report.checkErrors > 0) return 1;
  if (report.corruptions > 0 || report.copiedErrors > 0) return 2;
  return report.leaks > 0 ? 3 : 0;
}
