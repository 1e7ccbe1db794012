/**
 * Enrols this device (P5). In order: read the invitation, find the pinned root, connect again and verify the server against it,
 * make the key, ask. The code leaves the device only on the verified connection.
 */
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import { protocolVersion } from '#shared/contracts/protocol-version.ts';
import type { BodyOf } from '#shared/contracts/route.ts';
import { checkIssued } from '#shared/crypto/check-issued.ts';
import { trustDomainOfRoot } from '#shared/crypto/trust-domain-of-root.ts';
import { invitationKnock } from '#shared/wire/doors/invitation-knock.ts';
import { Ladders } from '#shared/wire/doors/ladders.ts';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import { fetchPinnedRoot } from '#shared/wire/pinned-root.ts';
import type { Enrolment, Keystore } from '../keystore/keystore.ts';
import { withBootstrap } from './bootstrap-client.ts';

export type DeviceFacts = BodyOf<(typeof agentBootstrap)['enrol']>['facts'];

export interface EnrolOrder {
  readonly keystore: Keystore;
  /** As pasted; never from a command line. */
  readonly invitation: string;
  readonly facts: DeviceFacts;
  readonly clock: Clock;
  readonly log: Log;
  /** Replaces an earlier enrolment of this profile; else that is a `conflict`. */
  readonly again?: boolean;
  /** The ways to the controller; without an HTTP proxy unless told. */
  readonly ladders?: Ladders;
}

/**
 * Throws `code-refused` (no valid invitation), `peer-refused` (not the server that the invitation names), `unreachable`,
 * `version-unsupported`, `conflict`.
 */
export async function enrol({ keystore, clock, log, ...order }: EnrolOrder): Promise<Enrolment> {
  if (keystore.isEnrolled() && order.again !== true) {
    throw new PosternError('conflict', undefined, {
      tell: `This profile is already enrolled for ${keystore.enrolment.person.name}.`,
    });
  }
  const invitation = decodeInvitation(order.invitation);
  if (invitation.r !== 'device') {
    throw new PosternError('code-refused', undefined, { tell: 'The invitation is for a gateway, not for a device.' });
  }
  const { host, port } = splitAddress(invitation.u);
  const ladders = order.ladders ?? new Ladders({ clock, log, proxy: { setting: 'none', env: {} } });
  const reach = ladders.toController('bootstrap', invitationKnock(invitation, clock));
  const root = await fetchPinnedRoot({ host, port, pin: invitation.p, reach });
  const trustDomain = trustDomainOfRoot(root);
  const place = { addresses: [invitation.u], bundle: [root], trustDomain, clock, reach };
  const enrolment = await withBootstrap(place, async (client): Promise<Enrolment> => {
    const meta = await client.meta();
    if (meta.trustDomain !== trustDomain) {
      throw new PosternError('peer-refused', 'the controller says another trust domain than its root');
    }
    if (meta.oldestAgent > protocolVersion) throw new PosternError('version-unsupported');
    const key = keystore.makeKey();
    const answer = await client.enrol({
      body: { code: invitation.k, csr: key.csr, facts: order.facts, version: protocolVersion },
    });
    const { certificate, chain, bundle } = answer;
    checkIssued(answer, { role: 'device', id: answer.device, jkt: key.jkt, trustDomain, knownRoots: [root] });
    const controllers = answer.controllers.length > 0 ? answer.controllers : meta.controllers;
    return {
      v: 1,
      key: key.file,
      device: answer.device,
      state: answer.state,
      person: answer.person,
      organisation: answer.organisation,
      fingerprint: answer.fingerprint,
      firstFactors: answer.firstFactors,
      trustDomain,
      certificate,
      chain,
      bundle,
      controllers: controllers.length > 0 ? controllers : invitation.c === undefined ? [] : [invitation.c],
      bootstrap: [invitation.u],
      ...(answer.knock === undefined ? {} : { knock: answer.knock }),
    };
  });
  if (enrolment.controllers.length === 0) throw new PosternError('bad-answer', 'the controller names no address');
  keystore.save(enrolment);
  keystore.writeSession(undefined);
  log.info({ device: enrolment.device, person: enrolment.person.id }, 'enrolled');
  return enrolment;
}
