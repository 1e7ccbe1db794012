/**
 * Issues a grant: budget, then one transaction in which facts, change number, verdict, snapshot, record and grant are of
 * one moment (P13, P24, P32), then the signature. A denial is recorded as an allow is.
 */
import type { KeyObject } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { randomId } from '#shared/base/bytes.ts';
import { type Clock, second } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { GrantGiven } from '#shared/contracts/agent-to-controller.ts';
import type { ExactRequest, GrantAction, GrantClaims } from '#shared/contracts/grant.ts';
import { mintGrant } from '#shared/crypto/grant-token.ts';
import { sessionIdleMs, touchSession } from '../identity/sessions.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Facts } from '../policy/facts.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import type { BatchedTransactions } from '../store/batched-transactions.ts';
import { readChange } from '../store/changes.ts';
import type { Db, Trx } from '../store/open-store.ts';
import { chooseGateway } from './choose-gateway.ts';
import type { Decider } from './decider.ts';
import type { DeviceBudget } from './device-budget.ts';
import { fitClaims } from './fit-claims.ts';
import { type Judgement, judgeAsk } from './judge-ask.ts';
import { loadApp, loadFacts } from './load-facts.ts';
import { type Decided, recordDecisions } from './record-decision.ts';

export type GatewayAddress = GrantGiven['gateways'][number];

export interface GrantParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly decider: Decider;
  /** The current signing key (P20). */
  readonly signer: () => { readonly kid: string; readonly privateKey: KeyObject };
  readonly trustDomain: string;
  /** Gateways of a site with a fresh stream, that this session can reach. Reads by `db`, which is the transaction: the store has one connection. */
  readonly freshGateways: (db: Db, site: string, session: string | undefined) => Promise<readonly GatewayAddress[]>;
  readonly budget: DeviceBudget;
  /** Joins the transactions of asks that come together; without it each has its own. */
  readonly batch?: BatchedTransactions;
  /** Hears of each decision of policies once it is committed. It must not throw, nor take long. */
  readonly onDecided?: (decided: Decided) => void;
  /** Milliseconds; a timer unless told. */
  readonly pause?: (ms: number) => Promise<unknown>;
}

export interface GrantAsk {
  /** Of the certificate in the handshake, and the thumbprint of its key: `cnf.jkt`. */
  readonly device: string;
  readonly jkt: string;
  /** Of the session whose secret came with the call; undefined denies. */
  readonly session: string | undefined;
  readonly app: string;
  readonly act: GrantAction;
  readonly request?: ExactRequest | undefined;
  /** Gateways that this device could not reach just now: of a grant for one use another is named, if there is one. */
  readonly avoid?: readonly string[] | undefined;
  /** Milliseconds since the last use (P19). */
  readonly idleMs: number;
  readonly address: string;
  readonly trace: string;
}

/** Throws with `fixes` in the problem document where the person can help themselves. */
export async function issueGrant(parts: GrantParts, ask: GrantAsk): Promise<GrantGiven> {
  const at = parts.clock.now();
  const waitMs = parts.budget.take(ask.device, at);
  if (waitMs > 0) throw await overBudget(parts, ask, at, waitMs);
  const begun = performance.now();
  const { kid } = parts.signer();
  let decided: Decided | undefined;
  const onRecord = (recorded: Decided) => {
    decided = recorded;
  };
  const work = (trx: Trx) => decideIn(trx, parts, { ask, kid, onRecord });
  const outcome = await (parts.batch?.run(work) ?? parts.db.transaction().execute(work));
  if (decided !== undefined) parts.onDecided?.(decided);
  if (outcome instanceof PosternError) throw await evenOut(parts, ask, outcome, performance.now() - begun);
  const { claims, scope, gateways, at: decidedAt } = outcome;
  // Asked again: the key that was current before the transaction may have been withdrawn during it (P20).
  const grant = mintGrant(claims, parts.signer());
  return { grant, id: claims.jti, expiresInMs: claims.exp * second - decidedAt, scope, gateways: [...gateways] };
}

const stepMs = 50;
const denialTokens = 4;

/**
 * P12: what looking for a fix costs depends on the policies of the app, a thousandth of a second or twenty, and none for an
 * app that is not there. So "not allowed" is answered at whole steps of time only; and as it costs the most, it counts more.
 */
async function evenOut(parts: GrantParts, ask: GrantAsk, denial: PosternError, tookMs: number): Promise<PosternError> {
  if (denial.code !== 'not-allowed') return denial;
  parts.budget.charge(ask.device, denialTokens - 1);
  await (parts.pause ?? setTimeout)(stepMs - (tookMs % stepMs));
  return denial;
}

interface Issued {
  readonly at: number;
  readonly claims: GrantClaims;
  readonly scope: 'app' | 'request';
  readonly gateways: readonly GatewayAddress[];
}
interface Deciding {
  readonly ask: GrantAsk;
  readonly kid: string;
  readonly onRecord: (recorded: Decided) => void;
}

/** Returns the error of a denial: its record must be committed. */
async function decideIn(trx: Trx, parts: GrantParts, { ask, kid, onRecord }: Deciding): Promise<Issued | PosternError> {
  const { device, session, address } = ask;
  const facts = await loadFacts(trx, { device, session, address, timezone: parts.decider.timezone });
  if (facts === undefined) throw new PosternError('device-suspended', `device ${device} is not known`);
  // After the facts: one that was committed while this waited for its turn would seem to come from the future.
  const at = parts.clock.now();
  await requireKey(trx, ask);
  const app = await loadApp(trx, ask.app);
  const { checks } = await readPostureSettings(trx);
  const idle = session !== undefined && (await isIdle(trx, session, at, ask.idleMs));
  const set = parts.decider.policy();
  const judged = judgeAsk(set, { facts, appId: ask.app, app, act: ask.act, request: ask.request, at, idle, checks });
  const fresh = judged.allow ? await parts.freshGateways(trx, judged.app.site, session) : [];
  const gateways = judged.allow && judged.use === 'once' ? chooseGateway(fresh, ask) : fresh;
  const epoch = set?.epoch ?? 0;
  const record = await recordDecisions(trx, { ask, at, facts, app, epoch, onRecord });
  if (!judged.allow) {
    const { reasons, policies, errors, request } = judged;
    await record({ verdict: 'deny', reasons, policies, errors, request });
    return toError(judged);
  }
  if (gateways.length === 0) {
    await record({ verdict: 'deny', reasons: ['no-gateway'], policies: [], errors: [], request: judged.request });
    return new PosternError('unavailable', `no fresh gateway serves ${ask.app}`, {
      tell: 'No gateway serves this app just now.',
    });
  }
  const seen = await readChange(trx);
  const jti = `gr_${randomId(20)}`;
  const claims = tooLongIsAnError(() =>
    fitClaims(makeClaims({ trustDomain: parts.trustDomain, ask, facts, judged, gateways, seen, epoch, jti }), kid),
  );
  const { verdict, rules, scope, use, request, exp } = judged;
  if (claims instanceof PosternError) {
    const reason = claims.code === 'rules-too-large' ? claims.code : 'request-refused';
    await record({ ...verdict, verdict: 'deny', reasons: [reason], errors: [claims.message], request });
    return claims;
  }
  const gateway = use === 'once' ? gateways[0]!.id : undefined;
  const snapshot = await record({ ...verdict, request, grant: jti, gateway });
  await trx
    .insertInto('grants')
    .values({
      jti,
      person_id: facts.person.id,
      device_id: device,
      session_id: claims.sid,
      app_id: ask.app,
      act: ask.act,
      scope,
      use,
      gateway_id: gateway ?? null,
      rules: JSON.stringify(claims.rules),
      request: rules.exact === undefined ? null : JSON.stringify(rules.exact),
      from_address: facts.network.address,
      seen,
      epoch,
      issued_at: at,
      ends_at: exp * second,
      facts: snapshot,
    })
    .execute();
  return { at, claims, scope, gateways };
}

/**
 * The key of the handshake is still the device's: one that was replaced since the caller was admitted gets no more grants (P4).
 * A later revocation would not match them for it: their number would be higher than that of the replacement (P13).
 */
async function requireKey(trx: Trx, { device, jkt }: GrantAsk): Promise<void> {
  const row = await trx.selectFrom('devices').select('jkt').where('id', '=', device).executeTakeFirst();
  if (row?.jkt === jkt) return;
  throw new PosternError(
    'certificate-refused',
    `device/${device} asked for a grant with a key that is not its own now`,
  );
}

/** Milliseconds of use that are not worth a write to the store. */
const touchStepMs = 10 * second;

async function isIdle(trx: Trx, session: string, at: number, idleMs: number): Promise<boolean> {
  const row = await trx.selectFrom('sessions').select('last_active_at').where('id', '=', session).executeTakeFirst();
  if (row === undefined) return false;
  // A session that was idle already is not brought back by a use: that needs a factor.
  if (at - row.last_active_at > sessionIdleMs) return true;
  // A use is told as an age and only ever moves the session's last use forward (P19).
  const lastUse = at - Math.min(idleMs, at);
  if (lastUse - row.last_active_at > touchStepMs) await touchSession(trx, session, lastUse);
  return false;
}

interface Claiming {
  readonly trustDomain: string;
  readonly ask: GrantAsk;
  readonly facts: Facts;
  readonly judged: Extract<Judgement, { allow: true }>;
  readonly gateways: readonly GatewayAddress[];
  readonly seen: number;
  readonly epoch: number;
  readonly jti: string;
}

function makeClaims({ trustDomain, ask, facts, judged, gateways, seen, epoch, jti }: Claiming): GrantClaims {
  const { person, session } = facts;
  if (session === null) throw new PosternError('internal', 'a grant was allowed without a session');
  const { name, groups } = person;
  return {
    iss: `spiffe://${trustDomain}`,
    aud: judged.use === 'once' ? gateways[0]!.id : judged.app.site,
    sub: person.id,
    did: ask.device,
    sid: session.id,
    app: judged.app.id,
    act: ask.act,
    jti,
    iat: judged.iat,
    exp: judged.exp,
    cnf: { jkt: ask.jkt },
    auth_time: Math.floor(Math.max(session.startedAt, session.secondFactorAt ?? 0) / second),
    amr: session.methods.slice(0, 8),
    seen,
    epoch,
    use: judged.use,
    rules: judged.rules,
    name,
    groups: [...(groups ?? [])],
  };
}

function tooLongIsAnError(make: () => GrantClaims): GrantClaims | PosternError {
  try {
    return make();
  } catch (error) {
    if (error instanceof PosternError && error.code !== 'internal') return error;
    throw error;
  }
}

function toError({ code, fixes, reasons }: Extract<Judgement, { allow: false }>): PosternError {
  const extra = fixes.length === 0 ? {} : { extra: { fixes } };
  return new PosternError(code, `a grant was denied: ${reasons.join(', ')}`, extra);
}

async function overBudget(parts: GrantParts, ask: GrantAsk, at: number, retryAfterMs: number): Promise<PosternError> {
  // One record a second and device: a device that asks too often must not fill the log instead.
  const count = parts.budget.refusalsToTell(ask.device, at);
  if (count > 0)
    await appendRecord(parts.db, at, {
      kind: 'grant',
      trace: ask.trace,
      verdict: 'deny',
      reasons: ['over-budget'],
      ...(count === 1 ? {} : { count }),
      device: ask.device,
      app: ask.app,
    });
  return new PosternError('over-budget', `device ${ask.device} asks for too many grants`, { extra: { retryAfterMs } });
}
