/** Renewing with the same key, and changing the key (P4). Over the mutual server: the peer has proved its present key. */
import type { KeyObject } from 'node:crypto';
import { PosternError } from '#shared/base/errors.ts';
import { readCsr } from '#shared/crypto/csr.ts';
import {
  formatFingerprint,
  keyThumbprint,
  publicKeyFromJwk,
  publicKeyToJwk,
  spkiFingerprint,
} from '#shared/crypto/keys.ts';
import { isTextSigned, rekeyText } from '#shared/crypto/signed-text.ts';
import type { Issued } from '../authority/open-authority.ts';
import { appendRecord } from '../log/append-record.ts';
import { nextChange } from '../store/changes.ts';
import type { Db } from '../store/open-store.ts';
import { claimKey } from './enrol-device.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { namesOfAddress, type PlainNames } from './names-of-address.ts';

interface Renewal {
  readonly role: 'device' | 'gateway';
  readonly id: string;
  readonly csr: string;
}

/**
 * A certificate of 24 h for the key that is on record, and for no other. The caller has proved the role and id. Throws
 * `csr-refused` for another key, `renewal-refused` for a device or gateway out of service.
 */
export async function renewCertificate(
  { store, authority, clock }: Pick<IdentityParts, 'store' | 'authority' | 'clock'>,
  { role, id, csr }: Renewal,
): Promise<Issued> {
  const publicKey = readCsr(csr);
  const holder = await readHolder(store.db, role, id);
  if (holder === undefined) throw new PosternError('renewal-refused', `${role}/${id} is not in service`);
  if (holder.jkt !== keyThumbprint(publicKey)) {
    throw new PosternError('csr-refused', `${role}/${id} asked for a renewal with another key`, {
      tell: 'A renewal keeps the key; changing it is another call.',
    });
  }
  const issued = await authority.issue({ role, id, publicKey, ...holder.names });
  const dates = { certificate_serial: issued.serial, certificate_ends_at: issued.notAfter };
  const table = role === 'device' ? 'devices' : 'gateways';
  await store.db.transaction().execute(async (trx) => {
    const renewed = trx.updateTable(table).set(dates).where('id', '=', id).where('jkt', '=', holder.jkt);
    // A key that was replaced meanwhile: its certificate must not be told as the other's.
    if ((await renewed.executeTakeFirst()).numUpdatedRows !== 1n)
      throw new PosternError('renewal-refused', `the key of ${role}/${id} changed meanwhile`);
    // P10, P13: grants end with a device's certificate. It ends later than the former one, so that no living one got worse.
    if (role === 'device') await nextChange(trx, clock.now());
  });
  return issued;
}

export interface Holder {
  readonly jkt: string;
  readonly publicKey: KeyObject;
  readonly certificateEndsAt: number;
  /** Devices only. */
  readonly person: string | undefined;
  /** Gateways only. */
  readonly names: PlainNames;
}

/** The key on record of a device or gateway in service: not suspended, not gone, nor its person. */
export async function readHolder(db: Db, role: 'device' | 'gateway', id: string): Promise<Holder | undefined> {
  if (role === 'gateway') {
    const row = await db.selectFrom('gateways').selectAll().where('id', '=', id).executeTakeFirst();
    if (row?.state !== 'active' || row.jkt === null || row.public_jwk === null) return undefined;
    const denied = await db.selectFrom('denied').select('id').where('id', '=', `gateway/${id}`).executeTakeFirst();
    if (denied !== undefined) return undefined;
    return {
      jkt: row.jkt,
      publicKey: publicKeyFromJwk(JSON.parse(row.public_jwk)),
      certificateEndsAt: row.certificate_ends_at ?? 0,
      person: undefined,
      names: namesOfAddress(row.address),
    };
  }
  const row = await db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select(['devices.jkt', 'devices.public_jwk', 'devices.certificate_ends_at', 'devices.person_id'])
    .where('devices.id', '=', id)
    .where('devices.state', 'in', ['pending', 'active'])
    .where('people.state', '=', 'active')
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { jkt, public_jwk, certificate_ends_at, person_id } = row;
  const publicKey = publicKeyFromJwk(JSON.parse(public_jwk));
  return { jkt, publicKey, certificateEndsAt: certificate_ends_at, person: person_id, names: {} };
}

export interface Rekey {
  readonly device: string;
  readonly csr: string;
  /** By the old key over `rekeyText`. */
  readonly oldSignature: string;
}

/**
 * Signed by the new key (the CSR) and the old one. Nothing that runs is cut, for sessions and streams bind to the device: the old
 * key gets nothing more here from this moment, and what it holds ends with the life of a grant. A key that somebody else may have
 * is no case for this, but for `contain`.
 */
export async function rekeyDevice(parts: IdentityParts, order: Rekey, origin: Origin): Promise<Issued> {
  const { store, authority, clock } = parts;
  const { device, csr, oldSignature } = order;
  const publicKey = readCsr(csr);
  const holder = await readHolder(store.db, 'device', device);
  if (holder === undefined) throw new PosternError('renewal-refused', `device/${device} is not in service`);
  if (!isTextSigned(holder.publicKey, rekeyText(csr), oldSignature)) {
    throw new PosternError('csr-refused', `device/${device} asked for a new key without its old one`);
  }
  const issued = await authority.issue({ role: 'device', id: device, publicKey });
  const jkt = keyThumbprint(publicKey);
  const fingerprint = formatFingerprint(spkiFingerprint(publicKey));
  const at = clock.now();
  await store.db.transaction().execute(async (trx) => {
    await claimKey(trx, jkt, `device/${device}`);
    const result = await trx
      .updateTable('devices')
      .set({
        jkt,
        fingerprint,
        public_jwk: JSON.stringify(publicKeyToJwk(publicKey)),
        certificate_serial: issued.serial,
        certificate_ends_at: issued.notAfter,
      })
      .where('id', '=', device)
      // Of two changes at once, both signed by the old key, one wins.
      .where('jkt', '=', holder.jkt)
      .executeTakeFirst();
    if (result.numUpdatedRows !== 1n)
      throw new PosternError('conflict', `the key of device/${device} changed meanwhile`);
    await nextChange(trx, at);
    await appendRecord(trx, at, {
      kind: 'device',
      device,
      ...(holder.person === undefined ? {} : { person: holder.person }),
      ...origin,
      event: 'rekeyed',
      details: { fingerprint },
    });
  });
  return issued;
}
