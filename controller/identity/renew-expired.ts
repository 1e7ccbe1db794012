/**
 * A laptop that slept for a week (P4): the last known key of an unrevoked device gets a certificate up to 30 days after
 * its last one ended (a gateway 7), over a nonce, and nothing else. Sessions have ended meanwhile.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { equalSecret, fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { day, minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import type { BodyOf } from '#shared/contracts/route.ts';
import { expiredRenewalText, isTextSigned } from '#shared/crypto/signed-text.ts';
import type { Issued } from '../authority/open-authority.ts';
import { DeviceBudget } from '../grants/device-budget.ts';
import { appendRecord } from '../log/append-record.ts';
import { chargeStranger, forgiveStranger } from './enrol-device.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { readHolder, renewCertificate } from './renew-certificate.ts';
import { endSessions } from './sessions.ts';

const longest = { device: 30 * day, gateway: 7 * day } as const;
const nonceLife = 2 * minute;
const timeBytes = 6;
const randomPart = 10;
const macBytes = 16;

type Body = BodyOf<(typeof agentBootstrap)['renewExpired']>;

export interface ExpiredRenewal {
  issueNonce(order: { readonly role: 'device' | 'gateway'; readonly id: string }): string;
  renew(body: Body, origin: Origin): Promise<Issued>;
}

/**
 * Nonces carry their own time and a MAC under a key of this process, so that strangers who ask for millions leave nothing
 * behind; only used ones are stored, so that each is good once. A nonce of another controller's process is refused, and
 * the caller asks for a new one.
 */
export function openExpiredRenewal(parts: IdentityParts): ExpiredRenewal {
  const key = randomBytes(32);
  // Of whoever has the key: a renewal is a record each.
  const budget = new DeviceBudget(0.1, 30);
  const macOf = (plain: Buffer, role: string, id: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([plain.toString('hex'), role, id]))
      .digest()
      .subarray(0, macBytes);

  return {
    issueNonce({ role, id }) {
      const plain = Buffer.concat([Buffer.alloc(timeBytes), randomBytes(randomPart)]);
      plain.writeUIntBE(parts.clock.now(), 0, timeBytes);
      return toBase64url(Buffer.concat([plain, macOf(plain, role, id)]));
    },

    async renew(body, origin) {
      await chargeStranger(parts, origin);
      const issued = await judge({ ...parts, budget }, body, origin, (nonce) => {
        const bytes = fromBase64url(nonce);
        if (bytes?.length !== timeBytes + randomPart + macBytes) return undefined;
        const plain = bytes.subarray(0, timeBytes + randomPart);
        if (!equalSecret(bytes.subarray(plain.length), macOf(plain, body.role, body.id))) return undefined;
        return plain.readUIntBE(0, timeBytes) + nonceLife;
      });
      await forgiveStranger(parts, origin);
      return issued;
    },
  };
}

/** Order: nonce, key on record, signature, budget, age, nonce used up. A stranger learns nothing from any of them (P12). */
async function judge(
  { budget, ...parts }: IdentityParts & { readonly budget: DeviceBudget },
  body: Body,
  origin: Origin,
  endOf: (nonce: string) => number | undefined,
): Promise<Issued> {
  const { store, clock } = parts;
  const { role, id, nonce, csr, signature } = body;
  const now = clock.now();
  const nonceEnds = endOf(nonce);
  if (nonceEnds === undefined || nonceEnds <= now) throw refused(`${role}/${id}: the nonce is not ours or too old`);
  const holder = await readHolder(store.db, role, id);
  if (holder === undefined) throw refused(`${role}/${id} is not in service`);
  if (!isTextSigned(holder.publicKey, expiredRenewalText(nonce, csr), signature)) {
    throw refused(`${role}/${id}: the signature is not by the last known key`);
  }
  const retryAfterMs = budget.take(`${role}/${id}`, now);
  if (retryAfterMs > 0)
    throw new PosternError('over-budget', `${role}/${id} renews too often`, { extra: { retryAfterMs } });
  if (now - holder.certificateEndsAt > longest[role]) throw refused(`${role}/${id} was away for too long`);
  await store.db.transaction().execute(async (trx) => {
    await trx.deleteFrom('nonces').where('ends_at', '<', now).execute();
    const used = await trx
      .insertInto('nonces')
      .values({ nonce, subject: `${role}/${id}`, ends_at: nonceEnds })
      .onConflict((conflict) => conflict.column('nonce').doNothing())
      .executeTakeFirst();
    if (used.numInsertedOrUpdatedRows !== 1n) throw refused(`${role}/${id}: the nonce was used before`);
    if (role === 'device' && holder.certificateEndsAt <= now) {
      const because = 'certificate-expired';
      await endSessions(trx, now, { which: { device: id }, because, reason: 'session-ended', origin });
    }
    await appendRecord(trx, now, {
      kind: role,
      ...(role === 'device' ? { device: id } : { gateway: id }),
      ...(holder.person === undefined ? {} : { person: holder.person }),
      ...origin,
      event: 'renewed-expired',
    });
  });
  return renewCertificate(parts, { role, id, csr });
}

function refused(why: string): PosternError {
  return new PosternError('renewal-refused', why);
}
