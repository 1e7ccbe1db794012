/** The session of the person on this device: signing in, its secret, its idleness, its end. Survives restarts of the agent. */
import type { Clock } from '#shared/base/clock.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import type { SessionGiven, SignInMethod, SignInPurpose, SignInState } from '#shared/contracts/sign-in.ts';
import type { SignInFlows, SignInStateShown } from '../agent-api.ts';
import type { Keystore, StoredSession } from '../keystore/keystore.ts';
import type { ControllerLink } from './controller-link.ts';

export interface SessionsOptions {
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly log: Log;
  readonly link: () => ControllerLink;
  /** Resolves when there is a certificate to sign in with. */
  readonly ready: () => Promise<void>;
  readonly onChange: (signedIn: boolean, reason: string | undefined) => void;
  /** A sign-in, step-up or resumption has come to its end; the answer waits for it. Never rejects. */
  readonly onFactor: () => Promise<void>;
}

/** How much activity may be lost by a crash. */
const writeEveryMs = 60_000;

export class Sessions implements SignInFlows {
  readonly #options: SessionsOptions;
  #session: StoredSession | undefined;
  #idle = false;
  #lastActiveAt: number;
  #writtenAt = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    const stored = options.keystore.readSession();
    const now = options.clock.now();
    this.#session = stored !== undefined && stored.endsAt > now ? stored : undefined;
    this.#lastActiveAt = this.#session?.lastActiveAt ?? now;
  }

  secret(): string | undefined {
    return this.#session?.secret;
  }

  get id(): string | undefined {
    return this.#session?.id;
  }

  isSignedIn(): boolean {
    if (this.#session !== undefined && this.#session.endsAt <= this.#options.clock.now()) this.drop('expired');
    return this.#session !== undefined;
  }

  isIdle(): boolean {
    return this.#idle;
  }

  expiresInMs(): number | undefined {
    return this.#session === undefined ? undefined : Math.max(0, this.#session.endsAt - this.#options.clock.now());
  }

  /** Milliseconds since a person did something through this agent (P19); what every request for a grant tells. */
  idleMs(): number {
    return Math.max(0, this.#options.clock.now() - this.#lastActiveAt);
  }

  activity(): void {
    const now = this.#options.clock.now();
    this.#lastActiveAt = now;
    if (this.#session === undefined || now - this.#writtenAt < writeEveryMs) return;
    this.#writtenAt = now;
    this.#session = { ...this.#session, lastActiveAt: now };
    this.#options.keystore.writeSession(this.#session);
  }

  /** What a refusal says about the session. */
  noteRefusal({ code }: PosternError): void {
    if (code === 'session-required' && this.#session !== undefined) this.drop('ended');
    if (code === 'session-idle' && !this.#idle) {
      this.#idle = true;
      this.#options.onChange(true, 'idle');
    }
  }

  /** Forgets the session here. */
  drop(reason: string): void {
    if (this.#session === undefined) return;
    this.#session = undefined;
    this.#idle = false;
    this.#options.keystore.writeSession(undefined);
    this.#options.log.info({ reason }, 'the session has ended');
    this.#options.onChange(false, reason);
  }

  async signOut(): Promise<void> {
    if (this.#session === undefined) return;
    try {
      await this.#options.link().calls.signOut();
    } catch (thrown) {
      // The secret is forgotten here in any case; the controller ends the session when it is idle.
      this.#options.log.warn({ err: asPosternError(thrown) }, 'the controller could not be told of the sign-out');
    }
    this.drop('signed-out');
  }

  async start(purpose: SignInPurpose): Promise<SignInStateShown> {
    this.activity();
    await this.#options.ready();
    const state = await this.#options.link().calls.signIn({ body: { purpose } });
    await this.#take(state);
    return this.#shown(state);
  }

  async answer(flow: string, method: SignInMethod, value?: string): Promise<SignInStateShown> {
    this.activity();
    const state = await this.#send(flow, method, value);
    await this.#take(state);
    return this.#shown(state);
  }

  #send(flow: string, method: SignInMethod, value: string | undefined): Promise<SignInState> {
    const { calls } = this.#options.link();
    const params = { flow };
    if (method === 'set-totp') return calls.setTotp({ params, body: {} });
    if (value === undefined) throw new PosternError('bad-request', undefined, { tell: `${method} needs a value` });
    if (method === 'password') return calls.password({ params, body: { password: value } });
    if (method === 'totp') return calls.totp({ params, body: { code: value } });
    if (method === 'recovery-code') return calls.recoveryCode({ params, body: { code: value } });
    if (method === 'set-password') return calls.setPassword({ params, body: { password: value } });
    return calls.confirmTotp({ params, body: { code: value } });
  }

  async #take(state: SignInState): Promise<void> {
    if (state.session !== undefined) this.#keep(state.session);
    if (state.step !== 'done') return;
    this.#idle = false;
    const { keystore } = this.#options;
    if (keystore.enrolment.firstFactors) keystore.save({ ...keystore.enrolment, firstFactors: false });
    await this.#options.onFactor();
  }

  #keep({ id, secret, expiresInMs }: SessionGiven): void {
    const now = this.#options.clock.now();
    this.#session = { id, secret, endsAt: now + expiresInMs, lastActiveAt: now };
    this.#writtenAt = now;
    this.#idle = false;
    this.#options.keystore.writeSession(this.#session);
    this.#options.onChange(true, undefined);
  }

  #shown(state: SignInState): SignInStateShown {
    const { session: _, ...shown } = state;
    return { ...shown, signedIn: this.isSignedIn() };
  }
}
