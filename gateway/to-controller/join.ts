/** Joining by invitation: pin, first contact, one-time code, certificate (P3, P5). */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { silentLog } from '#shared/base/log.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import { gatewayBootstrap } from '#shared/contracts/gateway-to-controller.ts';
import { protocolVersion } from '#shared/contracts/protocol-version.ts';
import { checkIssued } from '#shared/crypto/check-issued.ts';
import { makeCsr } from '#shared/crypto/csr.ts';
import { issuedAt } from '#shared/crypto/issued-at.ts';
import { keyThumbprint } from '#shared/crypto/keys.ts';
import { trustDomainOfRoot } from '#shared/crypto/trust-domain-of-root.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { noteAcceptedUntil } from '#shared/wire/doors/accepted-until.ts';
import { invitationKnock } from '#shared/wire/doors/invitation-knock.ts';
import { Ladders } from '#shared/wire/doors/ladders.ts';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import { fetchPinnedRoot } from '#shared/wire/pinned-root.ts';
import { pinAtJoin } from '../kept-log/kept-file.ts';
import { openKeys } from '../keystore/key-files.ts';
import { knockMemoryIn } from '../keystore/knock-memory-in.ts';
import { type Membership, readMembership, writeMembership } from '../keystore/membership.ts';

export interface JoinOrder {
  /** State directory of this gateway. */
  readonly dir: string;
  /** `postern-invite:...` as it was pasted. */
  readonly invitation: string;
  readonly clock: Clock;
  /** The ways to the controller; without an HTTP proxy unless told. */
  readonly ladders?: Ladders;
}

const noProxy = { setting: 'none', env: {} };

/** Throws `conflict` when this directory has joined before, `code-refused`, `peer-refused`, `unreachable`, `bad-answer`. */
export async function joinController(order: JoinOrder): Promise<Membership> {
  const { dir, invitation, clock, ladders = new Ladders({ clock, log: silentLog, proxy: noProxy }) } = order;
  const given = decodeInvitation(invitation);
  const { u: bootstrap, c: mutual, p: pin, k: code, r: role } = given;
  if (role !== 'gateway') {
    throw new PosternError('code-refused', 'the invitation is for a device', {
      tell: 'This invitation is for a device: use postern enrol.',
    });
  }
  if (readMembership(dir) !== undefined) {
    throw new PosternError('conflict', `${dir} belongs to a gateway that has joined already`);
  }
  const keys = openKeys(dir);
  const { host, port } = splitAddress(bootstrap);
  const reach = ladders.toController('bootstrap', invitationKnock(given, clock));
  const root = await fetchPinnedRoot({ host, port, pin, reach });
  const trustDomain = trustDomainOfRoot(root);
  const dispatcher = makeDispatcher(
    () => clientTlsOptions({ bundle: [root], trustDomain, role: 'controller', clock }),
    { reach },
  );
  try {
    const client = callContract(gatewayBootstrap, { dispatcher, origin: `https://${bootstrap}` });
    const answer = await client.join({ body: { code, csr: makeCsr(keys.tls), version: protocolVersion } });
    const { gateway, site, certificate, chain, bundle } = answer;
    const jkt = keyThumbprint(keys.tls.publicKey);
    checkIssued(answer, { role: 'gateway', id: gateway, jkt, trustDomain, knownRoots: [root], now: clock.now() });
    const told = [...new Set([...answer.controllers, ...(mutual === undefined ? [] : [mutual])])];
    if (told.length === 0) throw new PosternError('bad-answer', 'the controller names no address to reach it at');
    const membership = { gateway, site, trustDomain, bootstrap, controllers: told, certificate, chain, bundle };
    const kept = answer.knock === undefined ? membership : { ...membership, knock: answer.knock };
    // Sessions had keys for a former instance of this gateway, too: what that one took is not good here.
    noteAcceptedUntil(knockMemoryIn(dir), issuedAt(new X509Certificate(certificate), 'gateway'));
    // Before the membership: a gateway that has joined knows by which key the log is signed (P35).
    pinAtJoin(dir, answer.logKey, trustDomain);
    writeMembership(dir, kept);
    return kept;
  } finally {
    await dispatcher.close();
  }
}
