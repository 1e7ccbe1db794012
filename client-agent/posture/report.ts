/** Makes and signs a posture report. */
import type { KeyObject } from 'node:crypto';
import { day } from '#shared/base/clock.ts';
import { type FactReport, type PostureReport, postureReportType } from '#shared/contracts/posture.ts';
import { signJws } from '#shared/crypto/jws.ts';
import type { CollectedCheck } from './checks.ts';
import type { CollectedFact } from './collect.ts';

export interface ReportOrder {
  readonly facts: readonly CollectedFact[];
  readonly checks: readonly CollectedCheck[];
  /** From `ReportSequence`: higher than of every report before. */
  readonly seq: number;
  /** By the clock that measured: `host.now()`. */
  readonly now: number;
}

export interface ReportSigner {
  /** Thumbprint of the device key, as the controller knows it. */
  readonly kid: string;
  readonly privateKey: KeyObject;
}

const maxAge = 366 * day;

/** P19: only ages leave the device. A value "of the future" means that the clock was set back: it is as old as can be. */
export function buildReport({ facts, checks, seq, now }: ReportOrder): PostureReport {
  const age = (measuredAt: number) => (measuredAt > now ? maxAge : Math.min(Math.round(now - measuredAt), maxAge));
  return {
    v: 1,
    seq,
    facts: facts.map(({ fact, value, status, detail, measuredAt }) => {
      const told = detail === undefined ? {} : { detail };
      return { fact, value, status, ...told, ageMs: age(measuredAt), source: 'self' } as FactReport;
    }),
    checks: checks.slice(0, 64).map(({ id, status, measuredAt }) => ({ id, status, ageMs: age(measuredAt) })),
  };
}

/** A compact JWS of `typ` `postern-posture+jwt`. */
export function signReport(report: PostureReport, { kid, privateKey }: ReportSigner): string {
  return signJws({ typ: postureReportType, kid, payload: report, privateKey });
}
