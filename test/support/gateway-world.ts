/** A controller's keys and names without a controller: certificates, grants and snapshots for tests of the gateway. */
import { randomId } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { App } from '#shared/contracts/app.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { mintGrant } from '#shared/crypto/grant-token.ts';
import { issueLeaf, makeIssuingCa, makeRootCa } from '#shared/crypto/issue-certificate.ts';
import { generateKeyPair, type KeyPair, keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { spiffeId } from '#shared/crypto/spiffe.ts';
import type { Usable, UsedGrants } from '../../gateway/grants/used-grants.ts';
import { type Later, type OpenAccess, type Opening, openingJson, type RecordSink } from '../../gateway/record-sink.ts';
import { laterRecord } from '../../gateway/records/later-record.ts';
import type { StreamMessage } from '../../gateway/state/stream-types.ts';

export const trustDomain = 'postern.test';
export const site = 'main';
export const gatewayId = 'gw-1';

export interface Leaf {
  readonly id: string;
  readonly keys: KeyPair;
  readonly certificate: string;
  readonly chain: readonly string[];
}

export type GrantChanges = Partial<GrantClaims> & { readonly kid?: string; readonly signedBy?: KeyPair };

export async function makeWorld(now = Date.now()) {
  const root = await makeRootCa({ trustDomain, now });
  const issuer = await makeIssuingCa({ root, trustDomain, now });
  const signer = generateKeyPair();
  const kid = 'key-1';

  const leaf = async (
    role: 'controller' | 'gateway' | 'device',
    id: string,
    keys = generateKeyPair(),
    lifeMs?: number,
  ): Promise<Leaf> => {
    const { pem } = await issueLeaf({
      issuer,
      publicKey: keys.publicKey,
      spiffeId: spiffeId(trustDomain, role, id),
      now,
      ...(lifeMs === undefined ? {} : { lifeMs }),
    });
    return { id, keys, certificate: pem, chain: [issuer.certificate] };
  };

  const claims = (device: Leaf, changes: Partial<GrantClaims> = {}): GrantClaims => {
    const iat = Math.floor(Date.now() / 1000);
    return {
      iss: `spiffe://${trustDomain}`,
      aud: site,
      sub: 'anna',
      did: device.id,
      sid: 'ses_0000000001',
      app: 'wiki',
      act: 'request',
      jti: `gr_${randomId()}`,
      iat,
      exp: iat + 60,
      cnf: { jkt: keyThumbprint(device.keys.publicKey) },
      auth_time: iat,
      amr: ['pwd', 'otp'],
      seen: 10,
      epoch: 3,
      use: 'many',
      rules: { v: 2, permits: [{ p: 0 }], forbids: [] },
      name: 'Anna Árva',
      groups: ['staff'],
      ...changes,
    };
  };
  const sign = (value: GrantClaims, by: KeyPair = signer, name = kid) =>
    mintGrant(value, { kid: name, privateKey: by.privateKey });
  const grant = (device: Leaf, { kid: name, signedBy, ...changes }: GrantChanges = {}) =>
    sign(claims(device, changes), signedBy, name);

  const snapshot = (apps: readonly App[], changes: Record<string, unknown> = {}): StreamMessage =>
    ({
      t: 'snapshot',
      generation: 'gen_00000001',
      n: 10,
      time: Date.now(),
      apps,
      keys: [{ kid, jwk: publicKeyToJwk(signer.publicKey) }],
      bundle: [root.certificate],
      revocations: [],
      floors: [],
      denied: [],
      keySets: [],
      knockKeys: [],
      ...changes,
    }) as unknown as StreamMessage;

  return { root, issuer, signer, kid, leaf, claims, sign, grant, snapshot };
}
export type World = Awaited<ReturnType<typeof makeWorld>>;

export class MemoryUses implements UsedGrants {
  readonly #used = new Set<string>();

  serveFrom(): void {}

  has({ jti }: Usable): boolean {
    return this.#used.has(jti);
  }

  async take({ jti }: Usable): Promise<boolean> {
    return !this.#used.has(jti) && this.#used.add(jti) !== undefined;
  }
}

export class MemorySink implements RecordSink {
  readonly opened: AccessRecord[] = [];
  readonly closed: AccessRecord[] = [];
  readonly refused: AccessRecord[] = [];
  failing = false;
  /** Runs before an opening record counts as written. */
  beforeOpen: () => Promise<void> | void = () => {};

  open(access: OpenAccess, opening: Opening): void {
    const write = () => {
      if (this.failing) return opening.onUnopened(new PosternError('record-failed', 'the disk is full'));
      this.opened.push(JSON.parse(openingJson(access)));
      opening.onOpened();
    };
    void Promise.resolve(this.beforeOpen()).then(write);
  }

  tellLater(access: OpenAccess, later: Later): void {
    this.closed.push(laterRecord(JSON.parse(openingJson(access)), later));
  }

  refuse(record: AccessRecord): void {
    this.refused.push(record);
  }
}
