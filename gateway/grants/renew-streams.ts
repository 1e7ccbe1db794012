/**
 * P15: the next grants for what is running. A grant renews a stream only if person, session, device and app are equal and
 * its rules allow the stream's own original request; what began by a grant for one use goes on only by another such.
 */
import { PosternError } from '#shared/base/errors.ts';
import type { App } from '#shared/contracts/app.ts';
import type { AskingPeer } from '../gates/ask.ts';
import { judgeClaims, unreadableCode } from '../gates/grant.ts';
import { isRevoked } from '../gates/revocation.ts';
import type { GatewaySnapshot } from '../state/snapshot.ts';
import { grantAllows } from './allows.ts';
import type { GrantReader, ReadGrant } from './grant-cache.ts';
import type { LiveEntry, LiveTable } from './live-table.ts';

export interface Renewal {
  /** Streams that live on. */
  readonly renewed: number;
  /** Grants that could not be used, by their place in the list. */
  readonly refused: readonly { readonly index: number; readonly code: string }[];
}

export interface RenewalParts {
  readonly grants: GrantReader;
  readonly live: LiveTable;
  readonly state: GatewaySnapshot;
  /** Controller time in milliseconds. */
  readonly at: number;
}

/** `texts`: of those for one use only such as were used up for this very call (`from-agents/renew-running.ts`). */
export function renewStreams(
  texts: readonly string[],
  peer: Pick<AskingPeer, 'id' | 'jkt'>,
  parts: RenewalParts,
): Renewal {
  let renewed = 0;
  const refused: { index: number; code: string }[] = [];
  // Looked through once: a long list of grants must not cost what everybody has running, for each of them.
  const own = parts.live.entries().filter(({ claims }) => claims.did === peer.id);
  for (const [index, text] of texts.entries()) {
    try {
      renewed += renewBy(text, peer, parts, own);
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      refused.push({ index, code: error.code });
    }
  }
  return { renewed, refused };
}

/** What several workers say to the same list: streams add up, a refusal anywhere is one. */
export function mergeRenewals(parts: readonly Renewal[]): Renewal {
  const refused = new Map<number, string>();
  for (const part of parts) {
    for (const { index, code } of part.refused) if (!refused.has(index)) refused.set(index, code);
  }
  return {
    renewed: parts.reduce((sum, part) => sum + part.renewed, 0),
    refused: Array.from(refused, ([index, code]) => ({ index, code })).sort((a, b) => a.index - b.index),
  };
}

/** `own`: what runs of the peer; `judgeClaims` sees to it that the grant is the peer's as well. */
function renewBy(
  text: string,
  peer: Pick<AskingPeer, 'id' | 'jkt'>,
  { grants, state, at }: RenewalParts,
  own: readonly LiveEntry[],
): number {
  const read = grants.read(text, state.keys);
  if (!read.ok) throw new PosternError(unreadableCode(read, state));
  const { claims } = read;
  const verdict = judgeClaims(claims, peer, state, at);
  if (verdict !== undefined) throw new PosternError(verdict.code);
  if (isRevoked(claims, state)) throw new PosternError('grant-revoked');
  const app = state.apps.get(claims.app);
  if (app === undefined) throw new PosternError('app-mismatch');
  if (app.strict === true && at > state.freshUntil) throw new PosternError('gateway-stale');

  let renewed = 0;
  let refusal: PosternError | undefined;
  for (const entry of own) {
    // A cut stream has ended, however long its sockets take to notice; one past its grace is only not yet swept.
    if (!isSameRun(entry, read) || entry.cutBy !== undefined || at >= entry.endsAt) continue;
    const judged = judgeRun(entry, read, app);
    if (judged !== 'allow') {
      refusal ??= new PosternError(judged);
      continue;
    }
    renew(entry, read);
    renewed += 1;
  }
  // A grant of which one stream could live and another not has done its work; one that fits none is told.
  if (renewed === 0 && refusal !== undefined) throw refusal;
  return renewed;
}

/** By the definition of the app that is in force now, as a new request would be. */
function judgeRun({ ruled }: LiveEntry, { claims, rules }: ReadGrant & { ok: true }, app: App) {
  const { request } = ruled;
  if (request !== undefined && (app.kind !== 'http' || !app.hosts.includes(request.host))) return 'app-mismatch';
  return grantAllows(claims, rules, { ...ruled, app }).verdict;
}

function isSameRun({ claims }: LiveEntry, { claims: next }: ReadGrant & { ok: true }): boolean {
  return (
    claims.sub === next.sub &&
    claims.sid === next.sid &&
    claims.did === next.did &&
    claims.app === next.app &&
    claims.act === next.act &&
    claims.use === next.use
  );
}

function renew(entry: LiveEntry, { claims, kid }: ReadGrant & { ok: true }): void {
  entry.grants.add(claims.jti);
  // An older one that arrives late takes nothing away, but its revocation still counts.
  if (claims.exp <= entry.claims.exp) return;
  entry.claims = claims;
  entry.kid = kid;
}
