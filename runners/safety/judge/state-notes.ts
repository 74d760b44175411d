/** What is wrong with one state, as it is found. */
import type { CheckReport } from '../../../engine/index.ts';
import type { FindingClass, StateFindings, Symptom } from './state-verdict.ts';

export class StateNotes {
  readonly findings: StateFindings = {};
  readonly symptoms: Symptom[] = [];

  /** `what`: the reason without what differs from state to state; without it, the numbers of the reason go. */
  add(kind: FindingClass, reason: string, value: number | null = null, what = withoutNumbers(reason)): void {
    this.findings[kind] ??= { reason, value };
    this.addSymptom(kind, what);
  }

  addSymptom(kind: FindingClass, what: string): void {
    this.symptoms.push({ kind, what, offset: null });
  }

  /** `damage` lists all findings of the report that are damage. */
  addReport(report: CheckReport, damage: () => CheckReport['findings']): void {
    if (report.corruptions > 0 || report.checkErrors > 0) {
      const worst = report.findings.find(isDamage);
      this.findings.corrupt = { reason: worst?.text ?? 'the checker finds corruption', value: null };
      for (const finding of damage()) this.symptoms.push(symptomOf(finding));
      return;
    }
    const flagOf = (isShared: boolean) =>
      report.findings.find(({ kind, severity }) => severity === 'copied' && (kind === 'copied-shared') === isShared);
    if (report.copiedShared > 0) {
      this.add('copiedShared', flagOf(true)?.text ?? 'COPIED is set on a cluster with several references');
    }
    if (report.copiedErrors > report.copiedShared) {
      this.add('copiedOnly', flagOf(false)?.text ?? 'COPIED flags and refcounts disagree');
    }
  }
}

export function isDamage({ severity }: CheckReport['findings'][number]): boolean {
  return severity === 'corruption' || severity === 'check-error';
}

/** Which refcount, and how wrong it is, is part of what is wrong; of other findings the kind says enough. */
function symptomOf({ kind, offset, found, expected }: CheckReport['findings'][number]): Symptom {
  return {
    kind: 'corrupt',
    what: kind === 'refcount-low' ? `refcount ${found}, ${expected} references` : kind,
    offset,
  };
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/0x[0-9a-f]+|[0-9]+/g, 'N');
}
