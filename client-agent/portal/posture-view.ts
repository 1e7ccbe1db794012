/** Posture as a person reads it (P31): every value that leaves the device, what it means, how it is judged, how to fix it. */
import { checkName, type FactKey, osNames, postureFacts } from '#shared/contracts/posture.ts';
import type { PostureShown } from '../agent-api.ts';

export interface PostureView {
  readonly reportedAt: number;
  readonly seq?: number;
  /** The report could not be sent: why. */
  readonly failure?: { readonly code: string; readonly title: string };
  readonly lines: readonly PostureLine[];
}

export interface PostureLine {
  /** The fact's name, or `check:<id>` for a check of the organisation. */
  readonly id: string;
  readonly kind: 'fact' | 'check';
  readonly title: string;
  readonly status: 'pass' | 'fail' | 'unknown';
  /** Exactly what is sent; for a check this is its status alone. */
  readonly sent: boolean | number | string | null;
  /** Why it failed or cannot be told. For facts it is sent as well, for checks it never is. */
  readonly detail?: string;
  readonly detailIsSent: boolean;
  readonly measuredAt: number;
  /** As the controller counts it now; absent when it has not said. */
  readonly judged?: 'pass' | 'fail' | 'unknown' | 'stale';
  readonly freshForMs?: number;
  readonly fix?: string;
}

export function viewPosture(shown: Omit<PostureShown, 'failure'>, failure?: PostureView['failure']): PostureView {
  const { reportedAt, seq, facts, checks, judged } = shown;
  const os = osNames.find((name) => name === facts.find(({ fact }) => fact === 'os')?.value);
  const byFact = new Map(judged.map((one) => [one.fact, one]));
  const judgedOf = (id: string) => {
    const one = byFact.get(id);
    return one === undefined ? {} : { judged: one.state, freshForMs: one.freshForMs };
  };
  const factLines = facts.map(({ fact, value, status, detail, measuredAt }): PostureLine => {
    const fix = os === undefined || status === 'pass' ? '' : postureFacts[fact as FactKey].fix[os];
    return {
      id: fact,
      kind: 'fact',
      title: postureFacts[fact as FactKey].meaning,
      status,
      sent: value,
      ...(detail === undefined ? {} : { detail }),
      detailIsSent: true,
      measuredAt,
      ...judgedOf(fact),
      ...(fix === '' ? {} : { fix }),
    };
  });
  const checkLines = checks.map(
    ({ id, title, status, detail, measuredAt, fix }): PostureLine => ({
      id: checkName(id),
      kind: 'check',
      title,
      status,
      sent: status,
      ...(detail === undefined ? {} : { detail }),
      detailIsSent: false,
      measuredAt,
      ...judgedOf(checkName(id)),
      ...(fix === undefined || status === 'pass' ? {} : { fix }),
    }),
  );
  return {
    reportedAt,
    ...(seq === undefined ? {} : { seq }),
    ...(failure === undefined ? {} : { failure }),
    lines: [...factLines, ...checkLines],
  };
}
