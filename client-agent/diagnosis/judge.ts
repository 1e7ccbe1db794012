/** The diagnosis as one ordered table: each leg is judged by its own means, and the first that fails has the name. */
import type { DoctorLine } from '../agent-api.ts';
import type { Evidence } from './evidence.ts';
import { type DoctorLeg, type Finding, legs, type Trouble } from './legs.ts';
import { judgeNames, judgeNetwork, judgePortal } from './rules-around.ts';
import { judgeClock, judgeKnock, judgePorts, judgeTls } from './rules-controller.ts';
import { judgeProxy, judgeUdp } from './rules-ladder.ts';
import { judgeCertificate, judgeController, judgeDevice, judgeGateways, judgeSession } from './rules-own.ts';

type Rule = (evidence: Evidence) => readonly Finding[];

export const rules: Readonly<Record<DoctorLeg, Rule>> = {
  network: judgeNetwork,
  'captive-portal': judgePortal,
  name: judgeNames,
  proxy: judgeProxy,
  clock: judgeClock,
  tls: judgeTls,
  port: judgePorts,
  udp: judgeUdp,
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
export function troubleOf(lines: readonly DoctorLine[]): Trouble | undefined {
  const first = lines.find(({ ok, leg }) => ok === false && leg !== undefined);
  if (first?.leg === undefined) return undefined;
  const { leg, name, detail, says = `${name}: ${detail}`, fix } = first;
  return { leg, says, ...(fix === undefined ? {} : { fix }) };
}
