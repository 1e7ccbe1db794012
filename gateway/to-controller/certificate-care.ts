/**
 * Keeps the certificate in force (P4): renewed at 2/3 of its life with jitter and the same key; once expired, by the last
 * known key over a nonce of the bootstrap server. Looks at the wall clock often instead of trusting one long timer, so that a
 * machine that slept renews when it wakes.
 */
import { X509Certificate } from 'node:crypto';
import { type Clock, minute, second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import { checkIssued, type Issued } from '#shared/crypto/check-issued.ts';
import { makeCsr } from '#shared/crypto/csr.ts';
import { issuedAt } from '#shared/crypto/issued-at.ts';
import { keyThumbprint } from '#shared/crypto/keys.ts';
import { expiredRenewalText, signText } from '#shared/crypto/signed-text.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import type { Reach } from '#shared/wire/doors/reach.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import type { GatewayKeys } from '../keystore/key-files.ts';
import type { Membership } from '../keystore/membership.ts';
import type { ControllerLink } from './controller-link.ts';

export interface CareParts {
  readonly link: Pick<ControllerLink, 'client'>;
  readonly membership: () => Membership;
  readonly keys: GatewayKeys;
  readonly clock: Clock;
  readonly log: Log;
  /** A new certificate: to be stored and used. */
  readonly onIssued: (issued: Issued) => void;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly lookMs?: number;
  /** Where the controller may hide: for its bootstrap server. */
  readonly reach?: Reach;
}

const retryMs = minute;

export class CertificateCare {
  readonly #parts: CareParts;
  readonly #jitter: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #notBefore = 0;

  constructor(parts: CareParts) {
    this.#parts = parts;
    // A fleet that was started together must not come back together.
    this.#jitter = (parts.random ?? Math.random)() * 0.1;
  }

  /** Milliseconds since the epoch. */
  get renewAt(): number {
    const leaf = new X509Certificate(this.#parts.membership().certificate);
    const from = issuedAt(leaf, 'gateway');
    return from + (leaf.validToDate.getTime() - from) * (2 / 3 - this.#jitter);
  }

  /** Renews an expired certificate first: nothing else works without. Rejects when it cannot. */
  async start(): Promise<void> {
    if (this.#isExpired()) await this.#renewExpired();
    this.#timer = setInterval(() => this.look(), this.#parts.lookMs ?? 15 * second).unref();
    this.look();
  }

  /** Renews if it is time; one attempt at a time. */
  look(): void {
    const { clock, log } = this.#parts;
    const now = clock.now();
    if (this.#running !== undefined || now < this.renewAt || now < this.#notBefore) return;
    this.#running = (this.#isExpired() ? this.#renewExpired() : this.#renew())
      .catch((error: unknown) => {
        this.#notBefore = clock.now() + retryMs * (0.5 + Math.random() / 2);
        log.error({ err: error }, 'the certificate could not be renewed; it is tried again');
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #isExpired(): boolean {
    const { membership, clock } = this.#parts;
    return clock.now() >= new X509Certificate(membership().certificate).validToDate.getTime();
  }

  async #renew(): Promise<void> {
    const { link, keys } = this.#parts;
    this.#take(await link.client.renew({ body: { csr: makeCsr(keys.tls) } }));
  }

  async #renewExpired(): Promise<void> {
    const { membership, keys, clock, reach } = this.#parts;
    const { gateway: id, bootstrap, bundle, trustDomain } = membership();
    const dispatcher = makeDispatcher(() => clientTlsOptions({ bundle, trustDomain, role: 'controller', clock }), {
      reach,
    });
    try {
      const client = callContract(agentBootstrap, { dispatcher, origin: `https://${bootstrap}` });
      const role = 'gateway';
      const { nonce } = await client.renewalNonce({ body: { role, id } });
      const csr = makeCsr(keys.tls);
      const signature = signText(keys.tls.privateKey, expiredRenewalText(nonce, csr));
      this.#take(await client.renewExpired({ body: { role, id, nonce, csr, signature } }));
    } finally {
      await dispatcher.close();
    }
  }

  #take(issued: Issued): void {
    const { membership, keys, clock, onIssued, log } = this.#parts;
    const { gateway, bundle, trustDomain } = membership();
    checkIssued(issued, {
      role: 'gateway',
      id: gateway,
      jkt: keyThumbprint(keys.tls.publicKey),
      trustDomain,
      knownRoots: bundle,
      now: clock.now(),
    });
    onIssued(issued);
    log.info('the certificate was renewed');
  }
}
