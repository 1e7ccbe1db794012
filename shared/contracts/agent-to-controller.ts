/** Edge 1: what an agent asks of the controller. Bootstrap calls need no certificate (P3); all others are mutual. */
import { type Static, Type } from 'typebox';
import {
  address,
  appId,
  csrPem,
  durationMs,
  hostName,
  madeId,
  oneOf,
  pem,
  port,
  shortText,
  slug,
  strict,
  text,
  time,
  trace,
} from './common.ts';
import { exactRequest, grantAction, maxGrantBytes } from './grant.ts';
import { controllerKnock, doorModes, frontDoor, knockPorts } from './knock.ts';
import { postureCheck } from './posture.ts';
import { defineContract } from './route.ts';
import { fix, signInPurpose, signInState } from './sign-in.ts';

export const deviceState = oneOf(['pending', 'active', 'suspended', 'gone']);
export type DeviceState = Static<typeof deviceState>;

const issued = { certificate: pem, chain: Type.Array(pem), bundle: Type.Array(pem), trustDomain: text(255) };
const deviceFacts = strict({
  os: oneOf(['linux', 'macos', 'windows', 'unknown']),
  hostName: text(253),
  serial: Type.Optional(text(128)),
  model: Type.Optional(text(128)),
});

export const agentBootstrap = defineContract({
  meta: {
    method: 'GET',
    path: '/v1/meta',
    summary: 'Versions, trust bundle and addresses',
    access: 'open',
    answer: strict({
      protocol: Type.Integer(),
      oldestAgent: Type.Integer(),
      trustDomain: text(255),
      bundle: Type.Array(pem),
      controllers: Type.Array(address),
      time,
    }),
  },
  enrol: {
    method: 'POST',
    path: '/v1/enrol',
    summary: 'Enrol this device with an invitation',
    access: 'open',
    maxBody: 8192,
    body: strict({ code: text(128), csr: csrPem, facts: deviceFacts, version: Type.Integer() }),
    answer: strict({
      device: madeId,
      person: strict({ id: slug, name: shortText }),
      organisation: shortText,
      state: deviceState,
      /** True when this enrolment may set the first factors of a person who never had any (P5). */
      firstFactors: Type.Boolean(),
      /** What employee and admin compare when the device needs an approval by code. */
      fingerprint: text(100),
      controllers: Type.Array(address),
      knock: Type.Optional(controllerKnock),
      time,
      ...issued,
    }),
  },
  renewalNonce: {
    method: 'POST',
    path: '/v1/renew-expired/nonce',
    summary: 'A nonce for renewing an expired certificate',
    access: 'open',
    maxBody: 1024,
    body: strict({ role: oneOf(['device', 'gateway']), id: text(64) }),
    answer: strict({ nonce: text(64) }),
  },
  renewExpired: {
    method: 'POST',
    path: '/v1/renew-expired',
    summary: 'Renew an expired certificate with its last key (P4)',
    access: 'open',
    maxBody: 8192,
    /** `signature`: base64url of ECDSA P-256 (IEEE P1363) by the same key over `postern-renew-expired\n<nonce>\n<csr>`. */
    body: strict({
      role: oneOf(['device', 'gateway']),
      id: text(64),
      nonce: text(64),
      csr: csrPem,
      signature: text(128),
    }),
    answer: strict(issued),
  },
});

const flowParams = strict({ flow: madeId });
const step = <const B extends Parameters<typeof strict>[0]>(name: string, summary: string, body: B) =>
  ({
    method: 'POST',
    path: `/v1/sign-in/:flow/${name}`,
    summary,
    access: 'certificate',
    params: flowParams,
    body: strict(body),
    answer: signInState,
  }) as const;

const appListed = strict({
  id: appId,
  name: shortText,
  description: Type.Optional(text(500)),
  kind: oneOf(['http', 'tcp']),
  hosts: Type.Array(hostName),
  /** TCP apps. */
  port: Type.Optional(port),
  /** HTTP apps: whose pages may ask it anything but WebSockets (P22). Only origins that are no app of others. */
  allowOrigins: Type.Optional(Type.Array(text(300))),
  /** HTTP apps: any page may. */
  crossSite: Type.Optional(Type.Literal('allow')),
  usable: Type.Boolean(),
  /** Why not, and how to change it; absent when usable. */
  why: Type.Optional(text(500)),
  fixes: Type.Array(fix),
});
export type AppListed = Static<typeof appListed>;

const gatewayAddress = strict({
  id: slug,
  site: slug,
  address,
  /**
   * RFC 7638 thumbprint of its key. A gateway that joined again has another one, and the certificate of the former instance, which
   * may be in other hands, is good for hours yet: by it nobody is that gateway any more (P1).
   */
  jkt: Type.Optional(Type.String({ minLength: 43, maxLength: 43 })),
  /** What stands in front of it; nothing unless told. A gateway behind a door is named only once it has this session's knock key (P26). */
  door: Type.Optional(oneOf([...doorModes])),
  /** Where its kernel door takes knocks. */
  knockPorts: Type.Optional(knockPorts),
  /** TCP port of the same host with the prelude door alone. */
  preludePort: Type.Optional(port),
});
/** What this session knocks with at gateways' doors: 32 bytes as base64url, of which each door has its own key. */
const sessionKnock = strict({ secret: text(64) });
const grantGiven = strict({
  grant: text(maxGrantBytes),
  id: madeId,
  expiresInMs: durationMs,
  /** `app`: serves every request of the app. `request`: serves the one request it was asked for. */
  scope: oneOf(['app', 'request']),
  gateways: Type.Array(gatewayAddress),
  knock: Type.Optional(sessionKnock),
});
export type GrantGiven = Static<typeof grantGiven>;

/** One event of `GET /v1/events` (SSE `data:` line). */
export const agentEvent = Type.Union([
  strict({ type: Type.Literal('hello'), time }),
  strict({ type: Type.Literal('session-ended'), session: madeId, reason: text(64) }),
  strict({ type: Type.Literal('step-up-wanted'), app: appId }),
  strict({ type: Type.Literal('posture-wanted') }),
  strict({ type: Type.Literal('apps-changed') }),
  strict({ type: Type.Literal('device-changed'), state: deviceState }),
]);
export type AgentEvent = Static<typeof agentEvent>;

export const agentToController = defineContract({
  renew: {
    method: 'POST',
    path: '/v1/device/renew',
    summary: 'Renew the certificate with the same key',
    access: 'certificate',
    body: strict({ csr: csrPem }),
    answer: strict(issued),
  },
  rekey: {
    method: 'POST',
    path: '/v1/device/rekey',
    summary: 'Change the device key',
    access: 'certificate',
    /** `oldSignature`: by the old key over `postern-rekey\n<csr>`; the CSR is signed by the new key. */
    body: strict({ csr: csrPem, oldSignature: text(128) }),
    answer: strict(issued),
  },
  device: {
    method: 'GET',
    path: '/v1/device',
    summary: 'What the controller holds of this device',
    access: 'certificate',
    answer: strict({
      id: madeId,
      name: text(253),
      state: deviceState,
      ownership: oneOf(['company', 'personal', 'unknown']),
      person: strict({ id: slug, name: shortText }),
      fingerprint: text(100),
      organisation: shortText,
      /** Seconds between two posture reports, and the admin-defined checks to run (P31). */
      postureSeconds: Type.Integer({ minimum: 1 }),
      checks: Type.Array(postureCheck),
      /** What stands in front of the controller now. */
      door: Type.Optional(frontDoor),
      time,
    }),
  },
  signIn: {
    method: 'POST',
    path: '/v1/sign-in',
    summary: 'Start a sign-in, a step-up or a resumption',
    access: 'certificate',
    body: strict({ purpose: signInPurpose }),
    answer: signInState,
  },
  password: step('password', 'Answer with the password', { password: text(1024) }),
  totp: step('totp', 'Answer with a one-time code', { code: text(32) }),
  recoveryCode: step('recovery-code', 'Answer with a recovery code', { code: text(64) }),
  setPassword: step('set-password', 'Set the first password', { password: text(1024) }),
  setTotp: step('set-totp', 'Ask for a secret for an authenticator app', {}),
  confirmTotp: step('confirm-totp', 'Confirm the authenticator app with its first code', { code: text(32) }),
  signOut: { method: 'POST', path: '/v1/sign-out', summary: 'End this session', access: 'session' },
  posture: {
    method: 'POST',
    path: '/v1/posture',
    summary: 'Report posture, signed and numbered',
    access: 'certificate',
    maxBody: 32_768,
    /** A JWS of class `postern-posture+jwt` by the device key over a posture report. */
    body: strict({ report: text(24_576) }),
    answer: strict({
      accepted: Type.Integer({ minimum: 0 }),
      facts: Type.Array(
        strict({ fact: text(64), state: oneOf(['pass', 'fail', 'unknown', 'stale']), freshForMs: durationMs }),
      ),
    }),
  },
  apps: {
    method: 'GET',
    path: '/v1/apps',
    summary: 'The apps of this person, and which are usable now',
    access: 'session',
    answer: strict({ apps: Type.Array(appListed) }),
  },
  grants: {
    method: 'POST',
    path: '/v1/grants',
    summary: 'Ask for a grant',
    access: 'session',
    maxBody: 8192,
    body: strict({
      app: appId,
      act: grantAction,
      request: Type.Optional(exactRequest),
      /** Gateways that the device could not reach just now: a grant for one use names another, if there is one. */
      avoid: Type.Optional(Type.Array(slug, { maxItems: 16 })),
      /** Milliseconds since a local connection was opened or a client sent a byte: what session idleness is judged by (P19). */
      idleMs: durationMs,
      trace: Type.Optional(trace),
    }),
    answer: grantGiven,
  },
  events: {
    method: 'GET',
    path: '/v1/events',
    summary: 'Events for this device',
    access: 'certificate',
    stream: 'sse',
  },
});
