/** A gateway joins by an invitation for its id (P1, P5); joining again with a new invitation replaces its key. */

import type { gatewayBootstrap } from '#shared/contracts/gateway-to-controller.ts';
import type { BodyOf } from '#shared/contracts/route.ts';
import { readCsr } from '#shared/crypto/csr.ts';
import { keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { appendRecord } from '../log/append-record.ts';
import { nextChange } from '../store/changes.ts';
import { chargeStranger, claimKey, forgiveStranger, issuedAnswer, refuseCode } from './enrol-device.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { isOpenCode, redeemInvitation } from './invitations.ts';
import { namesOfAddress } from './names-of-address.ts';

type Join = (typeof gatewayBootstrap)['join'];

export async function joinGateway(parts: IdentityParts, body: BodyOf<Join>, origin: Origin) {
  const { store, clock, authority } = parts;
  await chargeStranger(parts, origin);
  const publicKey = readCsr(body.csr);
  const at = clock.now();
  if (!(await isOpenCode(store.db, at, { code: body.code, kind: 'gateway' }))) throw await refuseCode(parts, origin);
  const joined = await store.db.transaction().execute(async (trx) => {
    const invitation = await redeemInvitation(trx, at, { code: body.code, kind: 'gateway' });
    if (invitation === undefined) return undefined;
    const id = invitation.subject;
    const gateway = await trx
      .selectFrom('gateways')
      .select(['site', 'state', 'address'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (gateway === undefined || gateway.state === 'gone') return undefined;
    const jkt = keyThumbprint(publicKey);
    await claimKey(trx, jkt, `gateway/${id}`);
    // Inside the transaction, as the names of the certificate are only known from the used code.
    const issued = await authority.issue({ role: 'gateway', id, publicKey, ...namesOfAddress(gateway.address) });
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
      })
      .where('id', '=', id)
      .execute();
    await nextChange(trx, at);
    await appendRecord(trx, at, {
      kind: 'gateway',
      verdict: 'allow',
      gateway: id,
      ...origin,
      details: { event: 'joined', invitation: invitation.id, site: gateway.site },
    });
    return { gateway: id, site: gateway.site, ...issuedAnswer(issued) };
  });
  if (joined === undefined) throw await refuseCode(parts, origin);
  await forgiveStranger(parts, origin);
  return joined;
}
