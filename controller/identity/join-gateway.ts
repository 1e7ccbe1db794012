/** A gateway joins by an invitation for its id (P1, P5); joining again with a new invitation replaces its key. */

import type { gatewayBootstrap } from '#shared/contracts/gateway-to-controller.ts';
import type { BodyOf } from '#shared/contracts/route.ts';
import { readCsr } from '#shared/crypto/csr.ts';
import { keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { readKeySets } from '../from-gateways/gateway-state.ts';
import { appendRecord } from '../log/append-record.ts';
import { nextChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import { chargeStranger, claimKey, forgiveStranger, issuedAnswer, refuseCode } from './enrol-device.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { redeemInvitation, subjectOfOpenCode } from './invitations.ts';
import { namesOfAddress } from './names-of-address.ts';

type Join = (typeof gatewayBootstrap)['join'];

export async function joinGateway(parts: IdentityParts, body: BodyOf<Join>, origin: Origin) {
  const { store, clock, authority } = parts;
  await chargeStranger(parts, origin);
  const publicKey = readCsr(body.csr);
  const at = clock.now();
  const id = await subjectOfOpenCode(store.db, at, { code: body.code, kind: 'gateway' });
  const known = id === undefined ? undefined : await readGateway(store.db, id);
  const given = { code: body.code, kind: 'gateway' } as const;
  if (id === undefined || known === undefined) throw await refuseCode(parts, origin, given);
  // Before the transaction: signing waits for a thread, behind other people's passwords, and everybody for the store.
  const issued = await authority.issue({ role: 'gateway', id, publicKey, ...namesOfAddress(known.address) });
  const joined = await store.db.transaction().execute(async (trx) => {
    const invitation = await redeemInvitation(trx, at, { code: body.code, kind: 'gateway', subject: id });
    const gateway = await readGateway(trx, id);
    // The certificate names what was read before: if that changed meanwhile, the code was for another gateway.
    if (invitation === undefined || gateway === undefined || gateway.address !== known.address) return undefined;
    const jkt = keyThumbprint(publicKey);
    await claimKey(trx, jkt, `gateway/${id}`);
    await trx
      .updateTable('gateways')
      .set({
        state: 'active',
        jkt,
        public_jwk: JSON.stringify(publicKeyToJwk(publicKey)),
        certificate_serial: issued.serial,
        certificate_ends_at: issued.notAfter,
        // What the former instance knew and signed with is not what this one knows and signs with.
        identity_jwk: null,
        generation: null,
        through: 0,
        joined_at: at,
        // The first time: one that joins again may still have what it recorded before.
        ...(gateway.joined_at === null ? { records_through: at } : {}),
      })
      .where('id', '=', id)
      .execute();
    // P23: the former instance's key leaves the key sets now, not when somebody publishes the next one.
    const keySets = await readKeySets(trx, gateway.site, authority);
    await nextChange(trx, at, [{ kind: 'key-sets', keySets }], gateway.site);
    await appendRecord(trx, at, {
      kind: 'gateway',
      verdict: 'allow',
      gateway: id,
      ...origin,
      event: 'joined',
      details: { invitation: invitation.id, site: gateway.site },
    });
    return { gateway: id, jkt, site: gateway.site, ...issuedAnswer(issued) };
  });
  if (joined === undefined) throw await refuseCode(parts, origin, given);
  await forgiveStranger(parts, origin);
  return joined;
}

/** Undefined for one that is not there or gone for good. */
async function readGateway(db: Db, id: string) {
  const row = await db
    .selectFrom('gateways')
    .select(['site', 'state', 'address', 'joined_at'])
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.state === 'gone' ? undefined : row;
}
