/** Devices of one person, each with a certificate and a live session, written into the database of a controller that is not running. */
import type { KeyObject } from 'node:crypto';
import { randomId } from '#shared/base/bytes.ts';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { generateKeyPair, keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { openSealer } from '../../controller/authority/master-key.ts';
import { openAuthority } from '../../controller/authority/open-authority.ts';
import { createSession } from '../../controller/identity/sessions.ts';
import { databaseName } from '../../controller/init.ts';
import { openStore } from '../../controller/store/open-store.ts';

export interface ManyDevices {
  readonly trustDomain: string;
  readonly bundle: readonly string[];
  readonly devices: readonly {
    readonly key: KeyObject;
    readonly certificate: string;
    readonly chain: readonly string[];
    readonly secret: string;
  }[];
}

export async function addDevices(dir: string, person: string, count: number): Promise<ManyDevices> {
  const store = await openStore(`${dir}/${databaseName}`);
  const sealer = openSealer({ dir, env: {}, create: false });
  const authority = await openAuthority({ store, sealer, clock: systemClock, log: silentLog, names: ['localhost'] });
  const devices = [];
  for (let n = 0; n < count; n++) {
    const keys = generateKeyPair();
    const id = `dev_${randomId()}`;
    const issued = await authority.issue({ role: 'device', id, publicKey: keys.publicKey });
    const at = systemClock.now();
    const secret = await store.db.transaction().execute(async (trx) => {
      const row = { id, person_id: person, name: `laptop ${n}`, os: 'linux', model: null, serial: null };
      const trust = { state: 'active', ownership: 'company', approval: 'none', first_factors: 0 };
      const jkt = keyThumbprint(keys.publicKey);
      const key = { public_jwk: JSON.stringify(publicKeyToJwk(keys.publicKey)), jkt, fingerprint: jkt };
      const certificate = { certificate_serial: issued.serial, certificate_ends_at: issued.notAfter };
      const times = { posture_seq: 0, enrolled_at: at, approved_at: at, last_seen_at: null };
      await trx
        .insertInto('devices')
        .values({ ...row, ...trust, ...key, ...certificate, ...times })
        .execute();
      const factors = { methods: ['pwd', 'otp'], passwordAt: at, secondFactorAt: at };
      return (await createSession(trx, at, { person, device: id, ...factors })).secret;
    });
    devices.push({ key: keys.privateKey, certificate: issued.certificate, chain: issued.chain, secret });
  }
  const { trustDomain } = authority;
  const bundle = authority.bundle();
  await store.stop();
  return { trustDomain, bundle, devices };
}
