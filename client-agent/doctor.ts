/** What `postern doctor` shows of a running agent: its own way to the controller and its gateways, looked at leg by leg. */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import type { AgentState, DoctorLine } from './agent-api.ts';
import { diagnose } from './diagnosis/diagnose.ts';
import type { GatewaySeen } from './diagnosis/evidence.ts';
import type { Diagnosis } from './diagnosis/judge.ts';
import { type Probes, systemProbes } from './diagnosis/probes.ts';
import type { Keystore } from './keystore/keystore.ts';
import type { CertificateCare } from './to-controller/certificate-care.ts';
import type { ControllerLink } from './to-controller/controller-link.ts';
import type { GatewayLinks, KnownGateway } from './to-gateway/gateway-links.ts';

export interface DoctorParts {
  readonly state: () => AgentState;
  readonly keystore: Keystore;
  readonly care: CertificateCare;
  readonly link: ControllerLink;
  readonly links: GatewayLinks;
  /** The device's own. */
  readonly clock: Clock;
  readonly probes?: Probes;
}

export function diagnoseAgent(parts: DoctorParts): Promise<Diagnosis> {
  const { state, keystore, care, link, links, clock, probes = systemProbes } = parts;
  const { controllers, bundle, certificate, knock } = keystore.enrolment;
  const { lastError } = care;
  return diagnose(probes, {
    addresses: controllers,
    trust: { bundle },
    call: (address, timeoutMs) => link.tryAt(address, timeoutMs),
    gateways: (timeoutMs) => links.known().map((gateway) => seeGateway(gateway, timeoutMs)),
    ways: () => state().ways,
    // After the calls, which bring times and states up to date.
    own: () => ({
      now: clock.now(),
      ...(link.clockOffsetMs === undefined ? {} : { clockOffsetMs: link.clockOffsetMs }),
      certificate: {
        startsAt: Date.parse(new X509Certificate(certificate).validFrom),
        endsAt: care.endsAt,
        ...(lastError === undefined ? {} : { lastError }),
      },
      knock: knock === undefined ? 'missing' : 'held',
      device: state().device.state,
      session: state().session,
    }),
  });
}

async function seeGateway({ id, address, hides, client }: KnownGateway, timeoutMs: number): Promise<GatewaySeen> {
  const seen = { id, address, hides };
  try {
    return { ...seen, call: { ok: true, state: (await client.hello({ timeoutMs })).state } };
  } catch (thrown) {
    return { ...seen, call: { ok: false, error: asPosternError(thrown) } };
  }
}

/** What is not in the way, and may explain a denial. */
export function postureLine({ posture }: AgentState): DoctorLine {
  const name = 'posture';
  const failing = [...posture.failing, ...posture.unknown.map((fact) => `${fact} (unknown)`)];
  if (failing.length === 0) return { name, ok: true, detail: 'nothing fails' };
  return {
    name,
    ok: posture.failing.length === 0 ? undefined : false,
    detail: failing.join(', '),
    fix: 'See "postern posture": only apps that want these facts are affected.',
  };
}
