/**
 * Keeps the device's certificate good (P4): renewed at 2/3 of its life with jitter and on wake, with the same key; after it has
 * ended, by the server's nonce on the bootstrap server. Driven by `tick`, so that tests need no timers.
 */
import { X509Certificate } from 'node:crypto';
import { type Clock, day, minute, second } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { checkIssued, type Issued } from '#shared/crypto/check-issued.ts';
import { expiredRenewalText, rekeyText } from '#shared/crypto/signed-text.ts';
import type { Reach } from '#shared/wire/doors/reach.ts';
import type { Keystore, NewKey } from '../keystore/keystore.ts';
import { withBootstrap } from './bootstrap-client.ts';
import type { ControllerLink } from './controller-link.ts';

export interface CareOptions {
  readonly keystore: Keystore;
  readonly link: ControllerLink;
  readonly clock: Clock;
  readonly log: Log;
  /** After each new certificate, in the turn in which it is put in use; `newKey`: it is for another key than before. */
  readonly onRenewed: (newKey: boolean) => void;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** Where the controller may hide: for its bootstrap server. */
  readonly reach?: Reach;
}

/** Certificates may be renewed by their key this long after their end (P4). */
const renewableAfterEnd = 30 * day;
const firstPause = minute / 2;
/** Without a certificate nothing works, and after a wake the network is seconds away. */
const firstPauseExpired = 2 * second;
const maxPause = 30 * minute;
/** Of the life, spread over the fleet. */
const jitter = 0.05;

export class CertificateCare {
  readonly #options: CareOptions;
  readonly #random: () => number;
  #startsAt = 0;
  #endsAt = 0;
  #renewsAt = 0;
  #failures = 0;
  #notBefore = 0;
  #running: Promise<void> | undefined;
  /** The last refusal that no repetition can change; told by `state` and `doctor`. */
  lastError: PosternError | undefined;

  constructor(options: CareOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#readTimes();
  }

  get endsAt(): number {
    return this.#endsAt;
  }

  get renewsAt(): number {
    return this.#renewsAt;
  }

  isExpired(): boolean {
    return this.#options.clock.now() >= this.#endsAt;
  }

  /** Renews when it is time. Never rejects: failures are logged and tried again with growing pauses. */
  async tick(): Promise<void> {
    const now = this.#options.clock.now();
    if (now < this.#renewsAt || now < this.#notBefore) return;
    try {
      await this.renewNow();
    } catch (thrown) {
      const error = asPosternError(thrown);
      this.#failures += 1;
      const first = this.isExpired() ? firstPauseExpired : firstPause;
      const pause = Math.min(maxPause, first * 2 ** Math.min(this.#failures - 1, 16));
      this.#notBefore = this.#options.clock.now() + pause * (0.5 + this.#random() / 2);
      this.#options.log.warn({ err: error, pauseMs: pause }, 'the certificate could not be renewed');
    }
  }

  /** After sleep: what failed before may work now, so the pauses start again. */
  woke(): void {
    this.#notBefore = 0;
    this.#failures = 0;
  }

  /**
   * Before what a person waits for: renews a certificate that ended while the device slept, and does not wait for a tick. Throws as
   * `renewNow`, which says more than the controller's refusal of an old certificate.
   */
  async ensure(): Promise<void> {
    if (this.isExpired()) await this.renewNow();
  }

  /** Joins a renewal under way. Throws `renewal-refused` when the certificate is past all renewal. */
  renewNow(): Promise<void> {
    this.#running ??= this.#renew().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Changes the key (P4): the request by the new key, its signature by the old one. A renewal meanwhile joins it. */
  async rekey(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    this.#running = this.#rekey().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Resolves when no change of key or certificate is under way, however it ended. */
  async settled(): Promise<void> {
    await this.#running?.catch(() => {});
  }

  async #rekey(): Promise<void> {
    const { keystore, link } = this.#options;
    const key = keystore.makeKey();
    const oldSignature = keystore.sign(rekeyText(key.csr));
    const issued = await link.calls.rekey({ body: { csr: key.csr, oldSignature } });
    this.#store(issued, key);
  }

  async #renew(): Promise<void> {
    const { keystore, link, log } = this.#options;
    try {
      const issued = this.isExpired()
        ? await this.#renewExpired()
        : await link.calls.renew({ body: { csr: keystore.csr() } });
      this.#store(issued, undefined);
      this.lastError = undefined;
      log.info({ endsAt: new Date(this.#endsAt).toISOString() }, 'certificate renewed');
    } catch (thrown) {
      const error = asPosternError(thrown);
      this.lastError = error;
      throw error;
    }
  }

  async #renewExpired(): Promise<Issued> {
    const { keystore, clock, reach } = this.#options;
    const { device, bootstrap, bundle, trustDomain } = keystore.enrolment;
    if (clock.now() - this.#endsAt > renewableAfterEnd) {
      throw new PosternError('renewal-refused', 'the certificate ended more than 30 days ago', {
        tell: 'This device was away for more than 30 days: ask your administrator for an invitation.',
      });
    }
    return withBootstrap({ addresses: bootstrap, bundle, trustDomain, clock, reach }, async (client) => {
      const { nonce } = await client.renewalNonce({ body: { role: 'device', id: device } });
      const csr = keystore.csr();
      const signature = keystore.sign(expiredRenewalText(nonce, csr));
      return client.renewExpired({ body: { role: 'device', id: device, nonce, csr, signature } });
    });
  }

  #store(issued: Issued, key: NewKey | undefined): void {
    const { keystore, link, onRenewed } = this.#options;
    const before = keystore.enrolment;
    const { certificate, chain, bundle } = issued;
    checkIssued(issued, {
      role: 'device',
      id: before.device,
      jkt: key?.jkt ?? keystore.jkt,
      trustDomain: before.trustDomain,
      knownRoots: before.bundle,
    });
    const next = { certificate, chain: [...chain], bundle: [...bundle] };
    keystore.save({ ...before, ...next, ...(key === undefined ? {} : { key: key.file }) });
    this.#readTimes();
    this.#failures = 0;
    this.#notBefore = 0;
    link.reconnect();
    onRenewed(key !== undefined);
  }

  #readTimes(): void {
    const leaf = new X509Certificate(this.#options.keystore.enrolment.certificate);
    this.#startsAt = Date.parse(leaf.validFrom);
    this.#endsAt = Date.parse(leaf.validTo);
    const life = this.#endsAt - this.#startsAt;
    this.#renewsAt = this.#startsAt + life * (2 / 3 + (this.#random() - 0.5) * 2 * jitter);
  }
}
