/** The way to a controller's bootstrap server, for who has no agent that runs: before enrolment, and before `postern up`. */
import { systemClock } from '#shared/base/clock.ts';
import { asPosternError } from '#shared/base/errors.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { Invitation } from '#shared/contracts/invitation.ts';
import { trustDomainOfRoot } from '#shared/crypto/trust-domain-of-root.ts';
import { invitationKnock } from '#shared/wire/doors/invitation-knock.ts';
import type { Ladders } from '#shared/wire/doors/ladders.ts';
import { fetchPinnedRoot } from '#shared/wire/pinned-root.ts';
import { withBootstrap } from '../to-controller/bootstrap-client.ts';
import type { Way } from './diagnose.ts';
import type { CallSeen } from './evidence.ts';

export interface OutsidePlace {
  /** Of bootstrap servers, `host:port`. */
  readonly addresses: readonly string[];
  readonly bundle: readonly string[];
  readonly trustDomain: string;
}

export function outsideWay(place: OutsidePlace): Omit<Way, 'own'> {
  const call = (address: string, timeoutMs: number) =>
    seen(() =>
      withBootstrap({ ...place, addresses: [address], clock: systemClock }, (client) => client.meta({ timeoutMs })),
    );
  return { addresses: place.addresses, trust: { bundle: place.bundle }, call, gateways: () => [] };
}

/** By an invitation: its pin stands for the roots. */
export function pinnedWay(invitation: Invitation, ladders: Ladders): Omit<Way, 'own'> {
  const { u: address, p: pin } = invitation;
  const call = (_: string, timeoutMs: number) =>
    seen(async () => {
      const clock = systemClock;
      const reach = ladders.toController('bootstrap', invitationKnock(invitation, clock));
      const root = await fetchPinnedRoot({ ...splitAddress(address), pin, reach, timeoutMs: timeoutMs / 2 });
      const trust = { bundle: [root], trustDomain: trustDomainOfRoot(root), clock, reach };
      return withBootstrap({ addresses: [address], ...trust }, (client) => client.meta({ timeoutMs: timeoutMs / 2 }));
    });
  return { addresses: [address], trust: { pin }, call, gateways: () => [] };
}

async function seen(ask: () => Promise<{ readonly time: number }>): Promise<CallSeen> {
  try {
    return { ok: true, time: (await ask()).time };
  } catch (thrown) {
    return { ok: false, error: asPosternError(thrown) };
  }
}
