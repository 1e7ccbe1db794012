/** How grave a record is: the same judgement for every form. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { alarms } from '#shared/contracts/record-events.ts';

export type Severity = 'info' | 'notice' | 'warning' | 'alarm';

export function severityOf({ kind, event, phase, verdict }: AccessRecord): Severity {
  if (event !== undefined && alarms.has(event)) return 'alarm';
  if (verdict === 'deny') return 'warning';
  return kind === 'revocation' || phase === 'interrupted' ? 'notice' : 'info';
}

/** One line for people. Not for machines: nothing in it says where a name ends. */
export function sentence({ kind, event, phase, verdict, reasons, person, app, actor }: AccessRecord): string {
  const words = [
    phase === 'single' ? kind : `${kind} ${phase}`,
    event ?? '',
    verdict === 'none' ? '' : verdict,
    (reasons ?? []).join(' '),
    person === undefined ? '' : `person ${person}`,
    app === undefined ? '' : `app ${app}`,
    actor === undefined ? '' : `by ${actor}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}
