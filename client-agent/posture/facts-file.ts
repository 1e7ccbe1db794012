/**
 * Development only: facts from a file stand in for measured ones, so that a demonstration on a bare machine can turn
 * `firewallOn` off and on by editing one file. Each such fact says so in its detail.
 * Form: one JSON object of fact keys and values, `null` for unknown: `{"firewallOn": false, "patchAgeDays": 3}`.
 */
import { postureFacts, type ReportedFactKey, reportedFactKeys } from '#shared/contracts/posture.ts';
import type { Host } from './host.ts';
import { type ProbeResult, unknown } from './probe.ts';
import { readJsonObject } from './read-json-object.ts';

const fromFile = 'from the facts file';

/** The host as it is, unless the configuration names `posture.factsFile`. */
export function posturedHost(host: Host, { factsFile }: { readonly factsFile?: string }): Host {
  return factsFile === undefined ? host : { ...host, factsFile };
}

/** The facts the file speaks of. A file that is missing or wrong makes every fact unknown: a demo must not pass by accident. */
export async function readFactsFile(host: Host): Promise<Map<ReportedFactKey, ProbeResult>> {
  if (host.factsFile === undefined) return new Map();
  const read = await host.readFile(host.factsFile);
  const facts = read.ok ? parseFactsFile(read.value.toString('utf8')) : undefined;
  if (facts !== undefined) return facts;
  return new Map(reportedFactKeys.map((key) => [key, unknown('the facts file cannot be read')]));
}

export function parseFactsFile(text: string): Map<ReportedFactKey, ProbeResult> | undefined {
  const parsed = readJsonObject(text);
  if (parsed === undefined) return undefined;
  const facts = new Map<ReportedFactKey, ProbeResult>();
  for (const [key, value] of Object.entries(parsed)) {
    const fact = reportedFactKeys.find((known) => known === key);
    const result = fact === undefined ? undefined : asResult(fact, value);
    if (fact === undefined || result === undefined) return undefined;
    facts.set(fact, result);
  }
  return facts;
}

function asResult(fact: ReportedFactKey, value: unknown): ProbeResult | undefined {
  if (value === null) return unknown(fromFile);
  const { kind } = postureFacts[fact];
  if (kind === 'boolean' && typeof value === 'boolean') {
    return { status: value ? 'pass' : 'fail', value, detail: fromFile };
  }
  if (kind === 'number' && typeof value === 'number' && Number.isInteger(value) && value >= 0) {
    return { status: 'pass', value, detail: fromFile };
  }
  if (kind === 'text' && typeof value === 'string') return { status: 'pass', value, detail: fromFile };
  return undefined;
}
