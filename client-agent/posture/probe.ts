/** What a probe is and what it answers. */
import type { FactValue, OsName, ReportedFactKey } from '#shared/contracts/posture.ts';
import type { Host } from './host.ts';

export type ProbeResult<F extends ReportedFactKey = ReportedFactKey> =
  | { readonly status: 'pass' | 'fail'; readonly value: FactValue<F>; readonly detail?: string }
  | { readonly status: 'unknown'; readonly detail: string };

/** Measures one fact on one operating system. It may throw: `collect` turns that into `unknown`. */
export interface Probe<F extends ReportedFactKey = ReportedFactKey> {
  readonly fact: F;
  readonly os: OsName;
  /** `root`: without it the answer can be `unknown`. On Windows an elevated administrator. */
  readonly privilege: 'none' | 'root';
  run(host: Host): Promise<ProbeResult<F>>;
}

/** A boolean fact in its good or bad state. */
export function verdict<F extends ReportedFactKey>(good: FactValue<F> & boolean, detail?: string): ProbeResult<F> {
  return { status: good ? 'pass' : 'fail', value: good, ...(detail === undefined ? {} : { detail }) };
}

/** A measured number or text. */
export function measured<F extends ReportedFactKey>(value: FactValue<F>, detail?: string): ProbeResult<F> {
  return { status: 'pass', value, ...(detail === undefined ? {} : { detail }) };
}

export function unknown(detail: string): { readonly status: 'unknown'; readonly detail: string } {
  return { status: 'unknown', detail };
}
