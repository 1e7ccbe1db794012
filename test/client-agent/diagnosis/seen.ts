/** Evidence as the probes give it, good unless told. */
import { PosternError } from '#shared/base/errors.ts';
import { type LegFailure, NotReached } from '#shared/wire/doors/leg-failure.ts';
import type { AddressSeen, CertificateSeen, Evidence, GreetingSeen } from '../../../client-agent/diagnosis/evidence.ts';

export const hour = 3_600_000;
export const now = 1_800_000_000_000;
export const address = 'controller.example:8443';
export const unreachable = new PosternError('unreachable', 'device: no answer');
export const refused = (reason: string) => new PosternError('peer-refused', reason, { extra: { reason } });
export const name = {
  host: 'controller.example',
  addresses: ['192.0.2.1'],
  resolvers: [{ server: '10.0.0.1', said: '192.0.2.1' }],
};

export const good: AddressSeen = {
  address,
  name,
  route: { from: '10.0.0.9' },
  http: undefined,
  greeting: undefined,
  call: { ok: true, time: now },
};
export const bad = (greeting: GreetingSeen, more: Partial<AddressSeen> = {}): AddressSeen => ({
  ...good,
  call: { ok: false, error: unreachable },
  greeting,
  ...more,
});
export const ours: CertificateSeen = {
  subject: '"controller c1"',
  issuer: '"Postern issuing"',
  notBefore: now - hour,
  notAfter: now + 23 * hour,
  isOurs: true,
};
export const strange: GreetingSeen = {
  met: 'certificate',
  certificate: {
    ...ours,
    subject: '"portal.wifi"',
    issuer: '"Wifi CA"',
    isOurs: false,
    refused: 'SELF_SIGNED_CERT_IN_CHAIN',
  },
};
export const outOfTime = (notBefore: number, notAfter: number, reason: string): AddressSeen =>
  bad(
    { met: 'certificate', certificate: { ...ours, notBefore, notAfter, isOurs: false, refused: reason } },
    { call: { ok: false, error: refused(reason) } },
  );

export type Parts = {
  [K in keyof Evidence]?: Evidence[K] extends readonly unknown[] ? Evidence[K] : Partial<Evidence[K]>;
};
export const evidence = ({ addresses = [good], around = {}, own = {}, gateways = [], ways = [] }: Parts): Evidence => ({
  addresses,
  around: { interfaces: ['10.0.0.9'], wild: [], ...around },
  own: {
    now,
    clockOffsetMs: 400,
    certificate: { startsAt: now - hour, endsAt: now + 20 * hour },
    knock: 'held',
    device: 'active',
    session: { signedIn: true, idle: false },
    ...own,
  },
  gateways,
  ways,
});

export const failures = (...all: Partial<LegFailure>[]): AddressSeen['call'] => {
  const cause = new NotReached(
    'controller',
    all.map((one) => ({ rung: 'udp 62201', leg: 'knock', how: 'timeout', detail: 'no answer', afterMs: 900, ...one })),
  );
  return { ok: false, error: new PosternError('unreachable', cause.message, { cause }) };
};
