/**
 * P15, P18: the grants that an agent presents for what runs. One for one use is judged and used up here, in the process that was asked,
 * before any worker renews by it; whatever cannot be read or is refused here goes no further.
 */
import type { ErrorCode } from '#shared/base/errors.ts';
import { judgeClaims, unreadableCode } from '../gates/grant.ts';
import { isForOne } from '../gates/once.ts';
import { isRevoked } from '../gates/revocation.ts';
import { mergeRenewals, type Renewal } from '../grants/renew-streams.ts';
import type { DataParts } from './data-parts.ts';
import { takeUse } from './take-use.ts';

type Peer = Parameters<DataParts['renew']>[1];

export async function renewRunning(parts: DataParts, texts: readonly string[], peer: Peer): Promise<Renewal> {
  const codes = await Promise.all(texts.map((text) => useUp(parts, text, peer)));
  const refused = codes.flatMap((code, index) => (code === undefined ? [] : [{ index, code }]));
  const places = codes.flatMap((code, index) => (code === undefined ? [index] : []));
  if (places.length === 0) return { renewed: 0, refused };
  const renewal = await parts.renew(
    places.map((place) => texts[place]!),
    peer,
  );
  const there = renewal.refused.map(({ index, code }) => ({ index: places[index]!, code }));
  return mergeRenewals([
    { renewed: renewal.renewed, refused: there },
    { renewed: 0, refused },
  ]);
}

/** Why the grant goes no further. Those for many are judged where the streams are. */
async function useUp(parts: DataParts, text: string, peer: Peer): Promise<ErrorCode | undefined> {
  const state = parts.state();
  const read = parts.grants.read(text, state.keys);
  if (!read.ok) return unreadableCode(read, state);
  const { claims } = read;
  if (claims.use === 'many') return undefined;
  const refusal = judgeClaims(claims, peer, state, parts.time());
  if (refusal !== undefined) return refusal.code;
  if (isRevoked(claims, state)) return 'grant-revoked';
  if (!isForOne(claims)) return 'rules-unknown';
  return takeUse(parts, claims);
}
