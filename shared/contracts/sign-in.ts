/** Signing in, stepping up and setting up first factors: one flow, one shape of its state. */
import { type Static, Type } from 'typebox';
import { durationMs, madeId, oneOf, shortText, slug, strict, text } from './common.ts';

/** `resume` brings an idle session back with one factor; `step-up` refreshes the second factor of a live one. */
export const signInPurpose = oneOf(['sign-in', 'step-up', 'resume']);
export type SignInPurpose = Static<typeof signInPurpose>;

export const signInStep = oneOf(['password', 'second-factor', 'set-password', 'set-totp', 'confirm-totp', 'done']);

/** How a step is answered; each names a call. */
export const signInMethod = oneOf(['password', 'totp', 'recovery-code', 'set-password', 'set-totp', 'confirm-totp']);
export type SignInMethod = Static<typeof signInMethod>;

export const sessionGiven = strict({
  id: madeId,
  /** Opaque; bound to the device. Sent back as `Authorization: Postern-Session <secret>`. */
  secret: text(128),
  expiresInMs: durationMs,
  idleInMs: durationMs,
});
export type SessionGiven = Static<typeof sessionGiven>;

export const signInState = strict({
  flow: madeId,
  purpose: signInPurpose,
  person: strict({ id: slug, name: shortText }),
  step: signInStep,
  /** Which calls answer the step. */
  methods: Type.Array(signInMethod),
  expiresInMs: durationMs,
  /** With `confirm-totp`: what the authenticator app needs. Given once. */
  totp: Type.Optional(strict({ secret: text(128), uri: text(512) })),
  /** After first factors were set: shown once, each good for one use. */
  recoveryCodes: Type.Optional(Type.Array(text(64))),
  session: Type.Optional(sessionGiven),
});
export type SignInState = Static<typeof signInState>;

/**
 * A change the employee can make that would turn a deny into an allow; never names groups, thresholds or policies (P12).
 * `told`: what the policy in the way says of itself for employees (`@tell`).
 */
export const fix = strict({
  kind: oneOf(['sign-in', 'second-factor', 'posture', 'time', 'network', 'request', 'told', 'ask-admin']),
  fact: Type.Optional(text(64)),
  text: text(500),
});
export type Fix = Static<typeof fix>;
