/** The diagnosis as one ordered table: each leg is judged by its own means, and the first that fails has the name. */
import type { Evidence } from './evidence.ts';
import { type Finding, type Leg, legs, type Trouble } from './legs.ts';
import { judgeNames, judgeNetwork, judgePortal } from './rules-around.ts';
import { judgeClock, judgeKnock, judgePorts, judgeTls } from './rules-controller.ts';
import { judgeCertificate, judgeController, judgeDevice, judgeGateways, judgeSession } from './rules-own.ts';

type Rule = (evidence: Evidence) => readonly Finding[];

export const rules: Readonly<Record<Leg, Rule>> = {
  network: judgeNetwork,
  'captive-portal': judgePortal,
  name: judgeNames,
  proxy: () => [],
  clock: judgeClock,
  tls: judgeTls,
  port: judgePorts,
  udp: () => [],
  knock: judgeKnock,
  certificate: judgeCertificate,
  controller: judgeController,
  device: judgeDevice,
  session: judgeSession,
  gateway: judgeGateways,
};

export interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly trouble?: Trouble;
}

export function judge(evidence: Evidence): Diagnosis {
  const findings = legs.flatMap((leg) => rules[leg](evidence));
  const trouble = troubleOf(findings);
  return { findings, ...(trouble === undefined ? {} : { trouble }) };
}

/** The first leg that fails: what lies behind it cannot be reached, and may fail for that alone. */
export function troubleOf(findings: readonly Finding[]): Trouble | undefined {
  const first = findings.find(({ ok }) => ok === false);
  if (first === undefined) return undefined;
  const { leg, name, detail, says = `${name}: ${detail}`, fix } = first;
  return { leg, says, ...(fix === undefined ? {} : { fix }) };
}
