/** Edge 2: what a gateway asks of the controller, and the messages of its stream. */
import { type Static, Type } from 'typebox';
import { app } from './app.ts';
import { gatewayFinding } from './app-check.ts';
import {
  address,
  appId,
  changeNumber,
  csrPem,
  durationMs,
  madeId,
  oneOf,
  pem,
  port,
  publicJwk,
  slug,
  strict,
  text,
  time,
} from './common.ts';
import { controllerKnock, doorModes } from './knock.ts';
import { heldReasons, signedNote, treePath } from './log-shapes.ts';
import { spooledRecord } from './record.ts';
import { defineContract } from './route.ts';

export const revocationKind = oneOf(['person', 'device', 'session', 'grant', 'app', 'everything']);
/** Takes back every grant of `id` (its `jti` for kind `grant`) whose `seen` is lower than `seen` (P13). */
export const revocation = strict({
  kind: revocationKind,
  id: text(64),
  seen: changeNumber,
  /** After this controller time no grant that it could match is alive: it may be forgotten. */
  until: time,
  reason: oneOf(['revoked', 'signed-out', 'suspended', 'policy-changed', 'facts-changed', 'session-ended', 'expired']),
});
export type Revocation = Static<typeof revocation>;

export const signingKey = strict({ kid: text(64), jwk: publicJwk });
export type SigningKey = Static<typeof signingKey>;
/** Grants of `app` decided by an older policy version than `epoch` are refused (P14). */
export const floor = strict({ app: appId, epoch: changeNumber });
/** The identity keys of the gateways now serving an app, with the controller's signature over them (P23). */
export const appKeySet = strict({ app: appId, keys: Type.Array(publicJwk), signed: text(16_384) });
export type AppKeySet = Static<typeof appKeySet>;

/** What a gateway's door needs of a signed-in device (P26): never of anybody else. */
export const knockKey = strict({
  /** Of the session that it lives with. */
  id: madeId,
  client: text(80),
  /** For this gateway's door alone, 32 bytes as base64url. */
  secret: text(64),
  since: time,
  until: time,
});
export type KnockKey = Static<typeof knockKey>;

export const gatewayState = {
  apps: Type.Array(app),
  keys: Type.Array(signingKey),
  bundle: Type.Array(pem),
  revocations: Type.Array(revocation),
  floors: Type.Array(floor),
  /** `device/<id>` and `gateway/<id>` whose certificates are no longer accepted (P2). */
  denied: Type.Array(text(80)),
  keySets: Type.Array(appKeySet),
  knockKeys: Type.Array(knockKey),
};

export const streamChange = Type.Union([
  strict({ kind: Type.Literal('app'), app }),
  strict({ kind: Type.Literal('app-gone'), id: appId }),
  strict({ kind: Type.Literal('keys'), keys: gatewayState.keys }),
  strict({ kind: Type.Literal('bundle'), bundle: gatewayState.bundle }),
  strict({ kind: Type.Literal('revoke'), revocations: gatewayState.revocations }),
  strict({ kind: Type.Literal('floor'), floors: gatewayState.floors }),
  strict({ kind: Type.Literal('deny'), id: text(80) }),
  strict({ kind: Type.Literal('undeny'), id: text(80) }),
  strict({ kind: Type.Literal('key-sets'), keySets: gatewayState.keySets }),
  strict({ kind: Type.Literal('knock-key'), key: knockKey }),
  strict({ kind: Type.Literal('knock-gone'), ids: Type.Array(madeId) }),
  /** How long the controller needs to renew what was just taken back: refusals tell agents to come within that time, not at once (P14). */
  strict({ kind: Type.Literal('spread'), ms: durationMs }),
]);
export type StreamChange = Static<typeof streamChange>;

/**
 * Takes back at once what the controller could not keep, as its disk takes nothing: no state and no number. It outlives snapshots and ends with its
 * revocations. Confirmed with the same id (`cutDone`).
 */
export const cutOrder = strict({
  t: Type.Literal('cut'),
  id: madeId,
  time,
  revocations: Type.Array(revocation, { minItems: 1, maxItems: 8 }),
});
export type CutOrder = Static<typeof cutOrder>;

/**
 * One line of NDJSON. Ordered by change number within a generation. `after` names the number the message follows: if it
 * is not the last one a gateway has applied, something was lost and the gateway asks for a fresh snapshot (P13).
 */
export const streamMessage = Type.Union([
  strict({ t: Type.Literal('snapshot'), generation: madeId, n: changeNumber, time, ...gatewayState }),
  cutOrder,
  strict({ t: Type.Literal('change'), after: changeNumber, n: changeNumber, time, changes: Type.Array(streamChange) }),
  strict({ t: Type.Literal('heartbeat'), n: changeNumber, time }),
]);
export type StreamMessage = Static<typeof streamMessage>;

/** An order on the same stream, outside the state: try this app and say what was found (`checked`, with the same id). */
export const checkOrder = strict({ t: Type.Literal('check'), id: madeId, app: appId });
export type CheckOrder = Static<typeof checkOrder>;
export const streamLine = Type.Union([streamMessage, checkOrder]);
export type StreamLine = StreamMessage | CheckOrder;

/** Milliseconds between heartbeats, and of silence after which a gateway reports itself stale. */
export const heartbeatMs = 5000;
export const staleAfterMs = 15_000;

const issued = {
  certificate: pem,
  /** Issuing CA first. The root is in `bundle`. */
  chain: Type.Array(pem),
  bundle: Type.Array(pem),
  trustDomain: text(255),
};

/** The calls that a gateway makes before it has a valid certificate (bootstrap listener). */
export const gatewayBootstrap = defineContract({
  join: {
    method: 'POST',
    path: '/v1/gateway/join',
    summary: 'Join as a gateway with an invitation',
    access: 'open',
    maxBody: 8192,
    body: strict({ code: text(128), csr: csrPem, version: Type.Integer() }),
    answer: strict({
      gateway: slug,
      site: slug,
      controllers: Type.Array(address),
      knock: Type.Optional(controllerKnock),
      time,
      /** Public key of the log in the form of notes: what the gateway holds every checkpoint against from now on (P35). */
      logKey: text(500),
      ...issued,
    }),
  },
});

export const checkpointShown = strict({
  /** Absent while there is none, or none that may be shown. */
  checkpoint: Type.Optional(signedNote),
  /** From the kept one to this; empty where it does not go on from there, or is of another log. */
  path: treePath,
  held: Type.Optional(oneOf([...heldReasons])),
  /** The notes that declare other logs, from the log that the gateway knows on. */
  opened: Type.Array(signedNote, { maxItems: 32 }),
});
export type CheckpointShown = Static<typeof checkpointShown>;

/** How a gateway is, by its own word. */
export const gatewayCondition = strict({
  /** Everything that it recorded before this is at the controller; absent while it does not know. */
  through: Type.Optional(time),
  /** Of its spools. */
  waitingBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  /** Why it gives no access: it could not record any. */
  refusing: Type.Optional(text(200)),
});
export type GatewayCondition = Static<typeof gatewayCondition>;

export const gatewayToController = defineContract({
  renew: {
    method: 'POST',
    path: '/v1/gateway/renew',
    summary: 'Renew the certificate with the same key',
    access: 'certificate',
    body: strict({ csr: csrPem }),
    answer: strict(issued),
  },
  identityKey: {
    method: 'POST',
    path: '/v1/gateway/identity-key',
    summary: 'Publish the key that signs Postern-Identity',
    access: 'certificate',
    body: strict({ jwk: publicJwk }),
  },
  stream: {
    method: 'GET',
    path: '/v1/gateway/stream',
    summary: 'A snapshot, then changes and heartbeats',
    access: 'certificate',
    /** Where the gateway is; the controller sends only what follows if it still can, else a snapshot. */
    query: strict({
      generation: Type.Optional(madeId),
      after: Type.Optional(changeNumber),
      /** What stands in front of this gateway; none unless told. */
      door: Type.Optional(oneOf([...doorModes])),
      /** Where its kernel door takes knocks: UDP ports with commas between. */
      /** TCP port with the prelude door alone. */
      preludePort: Type.Optional(port),
      knockPorts: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,4}(,[1-9][0-9]{0,4}){0,7}$' })),
    }),
    stream: 'ndjson',
  },
  applied: {
    method: 'POST',
    path: '/v1/gateway/applied',
    summary: 'Acknowledge changes and what they closed',
    access: 'certificate',
    body: strict({
      generation: madeId,
      through: changeNumber,
      closed: Type.Array(strict({ n: changeNumber, streams: Type.Integer({ minimum: 0, maximum: 1_000_000 }) }), {
        maxItems: 1000,
      }),
    }),
  },
  cutDone: {
    method: 'POST',
    path: '/v1/gateway/cut-done',
    summary: 'Confirm a cut that has no change number, and how many streams it ended',
    access: 'certificate',
    maxBody: 4096,
    body: strict({ id: madeId, streams: Type.Integer({ minimum: 0, maximum: 1_000_000 }) }),
  },
  checked: {
    method: 'POST',
    path: '/v1/gateway/checked',
    summary: 'What was found on the way to an app',
    access: 'certificate',
    body: strict({ id: madeId, finding: gatewayFinding }),
  },
  condition: {
    method: 'POST',
    path: '/v1/gateway/condition',
    summary: 'Tell whether accesses can be recorded, and how far the records have come',
    access: 'certificate',
    maxBody: 4096,
    body: gatewayCondition,
  },
  records: {
    method: 'POST',
    path: '/v1/gateway/records',
    summary: 'Deliver a batch of a spool, in order',
    access: 'certificate',
    maxBody: 4 * 1024 * 1024,
    body: strict({ spool: madeId, records: Type.Array(spooledRecord, { minItems: 1, maxItems: 1000 }) }),
    answer: strict({ through: Type.Integer({ minimum: 0 }) }),
  },
  /** Asked by the gateway, so that it says first what it keeps: what a database lost is known before anybody is shown another tree. */
  checkpoint: {
    method: 'POST',
    path: '/v1/gateway/checkpoint',
    summary:
      'Tell which checkpoint of the log the gateway keeps; the newest, with the proof that it goes on from there (P35)',
    access: 'certificate',
    maxBody: 32 * 1024,
    body: strict({
      /** Whose key it holds checkpoints against. */
      log: text(300),
      kept: Type.Optional(signedNote),
    }),
    answer: checkpointShown,
  },
});
