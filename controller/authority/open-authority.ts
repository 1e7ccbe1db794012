/**
 * The controller's keys at work (invariant 10): issuing certificates, signing grants and key sets, and rotating both.
 * What is in use is one immutable value in memory, read from the store and swapped whole by `reload`.
 */

import type { KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { type Clock, day, hour, minute, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { SigningKey } from '#shared/contracts/gateway-to-controller.ts';
import { grantReach, keySetType } from '#shared/contracts/grant.ts';
import { type Issuer, issueLeaf } from '#shared/crypto/issue-certificate.ts';
import { signJws } from '#shared/crypto/jws.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { type Role, spiffeId } from '#shared/crypto/spiffe.ts';
import type { Store, Trx } from '../store/open-store.ts';
import { readSettings } from '../store/settings.ts';
import { announceIssuingCa, promoteIssuingCa, readBundle, readIssuer } from './certificate-authorities.ts';
import {
  addSigningKey,
  promoteSigningKey,
  readSigner,
  readVerificationKeys,
  type SignerKey,
  type Withdrawn,
  withdrawRetired,
  withdrawSigningKey,
} from './signing-keys.ts';

export interface AuthorityParts {
  readonly store: Pick<Store, 'db' | 'forget'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
  /** Addresses under which this controller is reached; names in its own certificate, for other clients than ours. */
  readonly names?: readonly string[];
}

export interface IssueOrder {
  readonly role: Role;
  readonly id: string;
  readonly publicKey: KeyObject;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

export interface Issued {
  /** PEM. */
  readonly certificate: string;
  readonly chain: string[];
  readonly bundle: string[];
  readonly trustDomain: string;
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface OwnTls {
  readonly key: KeyObject;
  /** PEM of the leaf. */
  readonly certificate: string;
  readonly chain: readonly string[];
  readonly bundle: readonly string[];
  readonly notAfter: number;
}

/** Grant keys are changed every 30 days, the issuing CA when a quarter of its year is left. */
const signingLife = 30 * day;
const issuingReserve = 90 * day;
/** After this long no grant under a retired key is accepted anywhere. */
const retirement = grantReach * second + minute;
const ownRenewalReserve = 8 * hour;

interface InUse {
  readonly bundle: readonly string[];
  readonly issuer: Issuer & { readonly endsAt: number };
  readonly signer: SignerKey;
  readonly keySetSigner: SignerKey;
  readonly verification: readonly SigningKey[];
  readonly own: OwnTls;
}

export class Authority {
  readonly trustDomain: string;
  /** SPIFFE id of the trust domain: the `iss` of grants. */
  readonly issuerName: string;
  readonly #parts: AuthorityParts;
  readonly #controllerId: string;
  readonly #listeners = new Set<() => void>();
  #inUse: InUse | undefined;

  constructor(parts: AuthorityParts, settings: { trustDomain: string; controllerId: string }) {
    this.#parts = parts;
    this.trustDomain = settings.trustDomain;
    this.issuerName = `spiffe://${settings.trustDomain}`;
    this.#controllerId = settings.controllerId;
  }

  /** The roots, as PEM. */
  bundle(): string[] {
    return [...this.#using.bundle];
  }

  /** The issuing CA, as PEM. */
  chain(): string[] {
    return [this.#using.issuer.certificate];
  }

  /** A certificate of 24 h for a key; every name comes from the caller's own records (P5). */
  async issue(order: IssueOrder): Promise<Issued> {
    return { ...(await this.#issueUnder(this.#using.issuer, order)), bundle: this.bundle() };
  }

  /** For the controller's own servers, `serverTlsOptions`. Replaced by `tick`; `onChange` tells when. */
  ownCertificate(): OwnTls {
    return this.#using.own;
  }

  grantSigner(): { readonly kid: string; readonly privateKey: KeyObject } {
    return this.#using.signer;
  }

  /** What gateways verify grants by. Inside a transaction, use `readVerificationKeys(trx)` of `signing-keys.ts`. */
  verificationKeys(): SigningKey[] {
    return [...this.#using.verification];
  }

  /** A key set as a document of class `postern-keyset+jwt` (P23). */
  signKeySet(payload: { readonly app: string; readonly keys: readonly unknown[] }): string {
    const { kid, privateKey } = this.#using.keySetSigner;
    return signJws({ typ: keySetType, kid, payload, privateKey });
  }

  /**
   * Starts a rotation and returns the id of the new key; it is used after `promoteReady` finds it confirmed. Call `reload`
   * once the transaction is committed. Throws `conflict` while an earlier rotation is under way.
   */
  async startRotation(trx: Trx, what: 'signing' | 'issuing'): Promise<{ kid: string }> {
    const { sealer, clock } = this.#parts;
    const at = clock.now();
    await this.#refuseSecondRotation(trx, what);
    if (what === 'issuing') return { kid: await announceIssuingCa(trx, at, { sealer, trustDomain: this.trustDomain }) };
    return { kid: await addSigningKey(trx, at, { sealer, purpose: 'grant', state: 'announced' }) };
  }

  /** Takes a grant key out of use at once, with every grant under it; `also` runs in the same transaction. */
  async withdraw(
    kid: string,
    also: (trx: Trx, taken: Withdrawn) => Promise<void> = async () => {},
  ): Promise<Withdrawn> {
    const { store, sealer, clock } = this.#parts;
    const taken = await store.db.transaction().execute(async (trx) => {
      const done = await withdrawSigningKey(trx, clock.now(), { kid, sealer });
      await also(trx, done);
      return done;
    });
    await this.reload();
    await this.forgetKeys();
    return taken;
  }

  /**
   * Takes into use what every fresh gateway has confirmed. `confirmedThrough`: the lowest change number that a fresh
   * gateway has applied; with no fresh gateway, `Number.MAX_SAFE_INTEGER`. Returns whether anything changed.
   */
  async promoteReady({ confirmedThrough }: { readonly confirmedThrough: number }): Promise<boolean> {
    const at = this.#parts.clock.now();
    const changed = await this.#parts.store.db.transaction().execute(async (trx) => {
      const signing = await promoteSigningKey(trx, at, confirmedThrough);
      const issuing = await promoteIssuingCa(trx, at, confirmedThrough);
      const withdrawn = await withdrawRetired(trx, at, at - retirement);
      return signing || issuing || withdrawn > 0;
    });
    if (!changed) return false;
    await this.reload();
    await this.forgetKeys();
    return true;
  }

  /** Of private keys that were destroyed or taken away nothing stays in the files of the store. Never rejects: gone they are. */
  async forgetKeys(): Promise<void> {
    const { store, log } = this.#parts;
    await store.forget().catch((error: unknown) => {
      log.error({ err: error }, "the store's log still holds a private key that was destroyed");
    });
  }

  /** For a scheduled job, every minute or so: starts due rotations, promotes what is ready, renews our own certificate. */
  async tick(progress: { readonly confirmedThrough: number }): Promise<void> {
    const now = this.#parts.clock.now();
    const { signer, issuer, own } = this.#using;
    // First what keeps the servers alive: a rotation that cannot start (the root's key is away) must not stop it.
    const reloaded = await this.promoteReady(progress);
    if (!reloaded && own.notAfter - now < ownRenewalReserve) await this.reload();
    if (now - signer.since > signingLife) await this.#startIfNone('signing');
    if (issuer.endsAt - now < issuingReserve) await this.#startIfNone('issuing');
  }

  /** Called after keys, bundle or our own certificate were swapped. Returns how to stop listening. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads everything from the store and swaps it whole; on failure what was in use stays in use (invariant 6). */
  async reload(): Promise<void> {
    const { store, sealer, log } = this.#parts;
    const next = await store.db.transaction().execute(async (trx) => {
      const issuer = await readIssuer(trx, sealer, 'issuing');
      if (issuer === undefined) throw new PosternError('internal', 'there is no current issuing CA with its key');
      return {
        issuer,
        bundle: await readBundle(trx),
        signer: await readSigner(trx, sealer, 'grant'),
        keySetSigner: await readSigner(trx, sealer, 'key-set'),
        verification: await readVerificationKeys(trx),
      };
    });
    this.#inUse = { ...next, own: await this.#makeOwn(next.issuer, next.bundle) };
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        log.error({ err: error }, 'a listener could not take the changed keys');
      }
    }
  }

  get #using(): InUse {
    if (this.#inUse === undefined) throw new PosternError('internal', 'the authority is not open');
    return this.#inUse;
  }

  async #issueUnder(issuer: Issuer, order: IssueOrder): Promise<Omit<Issued, 'bundle'>> {
    const { role, id, ...rest } = order;
    const name = spiffeId(this.trustDomain, role, id);
    const leaf = await issueLeaf({ issuer, spiffeId: name, now: this.#parts.clock.now(), ...rest });
    const { pem, serial, notAfter } = leaf;
    return { certificate: pem, chain: [issuer.certificate], trustDomain: this.trustDomain, serial, notAfter };
  }

  /** A new key each time, kept in memory only. */
  async #makeOwn(issuer: Issuer, bundle: readonly string[]): Promise<OwnTls> {
    const { privateKey, publicKey } = generateKeyPair();
    const names = this.#parts.names ?? [];
    const { certificate, chain, notAfter } = await this.#issueUnder(issuer, {
      role: 'controller',
      id: this.#controllerId,
      publicKey,
      dnsNames: names.filter((name) => isIP(name) === 0),
      ipAddresses: names.filter((name) => isIP(name) !== 0),
    });
    return { key: privateKey, certificate, chain, bundle, notAfter };
  }

  async #startIfNone(what: 'signing' | 'issuing'): Promise<void> {
    const { store, log } = this.#parts;
    const kid = await store.db.transaction().execute(async (trx) => {
      if (await isRotating(trx, what)) return undefined;
      return (await this.startRotation(trx, what)).kid;
    });
    if (kid === undefined) return;
    log.info({ kid, what }, 'a scheduled rotation has started');
    await this.reload();
  }

  async #refuseSecondRotation(trx: Trx, what: 'signing' | 'issuing'): Promise<void> {
    if (!(await isRotating(trx, what))) return;
    throw new PosternError('conflict', `a rotation of ${what} is under way`, {
      tell: 'A rotation is under way: it ends once every gateway has confirmed the new key.',
    });
  }
}

async function isRotating(trx: Trx, what: 'signing' | 'issuing'): Promise<boolean> {
  const row =
    what === 'signing'
      ? await trx.selectFrom('signing_keys').select('kid').where('state', '=', 'announced').executeTakeFirst()
      : await trx.selectFrom('authorities').select('id').where('state', '=', 'announced').executeTakeFirst();
  return row !== undefined;
}

/** Throws `invalid-config` for an empty store, `internal` when its keys do not open under this master key. */
export async function openAuthority(parts: AuthorityParts): Promise<Authority> {
  const authority = new Authority(parts, await readSettings(parts.store.db));
  await authority.reload();
  return authority;
}
