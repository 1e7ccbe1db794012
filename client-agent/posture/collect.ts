/** Runs every probe of this operating system, all at once and each with a deadline of its own. */
import {
  type FactStatus,
  osNames,
  postureFacts,
  type ReportedFactKey,
  reportedFactKeys,
} from '#shared/contracts/posture.ts';
import { readFactsFile } from './facts-file.ts';
import type { Host } from './host.ts';
import { memoHost } from './memo-host.ts';
import { type Probe, type ProbeResult, unknown } from './probe.ts';
import { probes as allProbes } from './probes.ts';

export interface CollectedFact {
  readonly fact: ReportedFactKey;
  readonly value: boolean | number | string | null;
  readonly status: FactStatus;
  readonly detail?: string;
  /** Of `host.now()`. */
  readonly measuredAt: number;
}

export interface CollectOptions {
  readonly host: Host;
  readonly probes?: readonly Probe[];
  /** Measure only these; all unless told. */
  readonly only?: readonly ReportedFactKey[];
  /** Per probe, in ms. */
  readonly deadlineMs?: number;
}

/** One entry for each fact asked for, in the order of `postureFacts`; what could not be told is there as `unknown`. */
export async function collect(options: CollectOptions): Promise<CollectedFact[]> {
  const { probes = allProbes, only = reportedFactKeys, deadlineMs = 15_000 } = options;
  const host = memoHost(options.host);
  const mine = new Map(probes.filter((probe) => probe.os === host.os).map((probe) => [probe.fact, probe]));
  const replaced = await readFactsFile(host);
  return await Promise.all(
    reportedFactKeys
      .filter((fact) => only.includes(fact))
      .map(async (fact) => {
        const result = replaced.get(fact) ?? (await runProbe(mine.get(fact), host, deadlineMs));
        return asFact(fact, result, host.now());
      }),
  );
}

async function runProbe(probe: Probe | undefined, host: Host, deadlineMs: number): Promise<ProbeResult> {
  if (probe === undefined) return unknown('cannot be told on this operating system');
  const result = await withDeadline(probe, host, deadlineMs);
  if (result.status !== 'unknown' || probe.privilege === 'none' || host.uid === 0) return result;
  return unknown(`${host.os === 'windows' ? 'may need an administrator' : 'needs root'}: ${result.detail}`);
}

async function withDeadline(probe: Probe, host: Host, deadlineMs: number): Promise<ProbeResult> {
  const late = Promise.withResolvers<ProbeResult>();
  const timer = setTimeout(() => late.resolve(unknown('the probe took too long')), deadlineMs);
  try {
    return await Promise.race([probe.run(host), late.promise]);
  } catch (error) {
    return unknown(`the probe failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The last check before a value leaves: its kind is the table's, a pass is true, numbers are whole and within bounds. */
function asFact(fact: ReportedFactKey, result: ProbeResult, measuredAt: number): CollectedFact {
  const detail = result.detail === undefined ? {} : { detail: printable(result.detail) };
  if (result.status === 'unknown') return { fact, value: null, status: 'unknown', ...detail, measuredAt };
  const value = asValue(fact, result);
  if (value === undefined) {
    return { fact, value: null, status: 'unknown', detail: 'the probe gave an odd value', measuredAt };
  }
  return { fact, value, status: result.status, ...detail, measuredAt };
}

function asValue(fact: ReportedFactKey, result: ProbeResult & { status: 'pass' | 'fail' }) {
  const { kind } = postureFacts[fact];
  const { value } = result;
  if (fact === 'os') return osNames.find((name) => name === value);
  if (kind === 'boolean') return value === (result.status === 'pass') ? value : undefined;
  if (kind === 'text') return typeof value === 'string' ? printable(value).slice(0, 64) : undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return undefined;
  return Math.min(Math.round(value), 1_000_000);
}

/** Details come from programs' output: one line, no control characters, at most 200 characters. */
function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .toWellFormed()
    .trim()
    .slice(0, 200)
    .toWellFormed();
}
