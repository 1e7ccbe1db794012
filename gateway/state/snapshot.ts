/** The state in the form in which gates ask it. Immutable: a change makes a new one, which is swapped whole (invariant 6). */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { PosternError } from '#shared/base/errors.ts';
import type { App } from '#shared/contracts/app.ts';
import type { AppKeySet, KnockKey } from '#shared/contracts/gateway-to-controller.ts';
import { publicKeyFromJwk } from '#shared/crypto/keys.ts';
import { type RevocationSet, revocationSet } from '../grants/revocation-set.ts';
import type { Spread, WireState } from './stream-types.ts';

/** Who this gateway is, from its own certificate. */
export interface GatewayIdentity {
  readonly gateway: string;
  readonly site: string;
  readonly trustDomain: string;
}

export interface GatewaySnapshot extends GatewayIdentity {
  readonly generation: string;
  readonly n: number;
  readonly apps: ReadonlyMap<string, App>;
  /** The controller's signing keys by `kid`. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** The `kid` of keys that were in force here and are no more: a grant under one needs another grant, not patience (P20). */
  readonly withdrawn: ReadonlySet<string>;
  readonly revocations: RevocationSet;
  /** The oldest policy version accepted, by app. */
  readonly floors: ReadonlyMap<string, number>;
  /** `device/<id>` and `gateway/<id>`. */
  readonly denied: ReadonlySet<string>;
  readonly keySets: ReadonlyMap<string, AppKeySet>;
  readonly knockKeys: readonly KnockKey[];
  readonly bundle: readonly string[];
  /** While many grants are renewed (P14). */
  readonly spread: Spread | undefined;
  /** Controller time in milliseconds after which the gateway is stale, unless it hears again (P19). */
  readonly freshUntil: number;
}

/**
 * Throws for a state that cannot be used (a key that is none): the caller keeps the snapshot it has. Keys that did not
 * change keep their KeyObject, by which the grant cache knows them.
 */
export function compileSnapshot(
  identity: GatewayIdentity,
  wire: WireState,
  times: { readonly at: number; readonly freshUntil: number },
  before?: GatewaySnapshot & { readonly wire: WireState },
): GatewaySnapshot & { readonly wire: WireState } {
  const old = before?.wire;
  const isSame = (part: keyof WireState) => old !== undefined && old[part] === wire[part];
  const { gateway, site, trustDomain } = identity;
  return {
    gateway,
    site,
    trustDomain,
    wire,
    generation: wire.generation,
    n: wire.n,
    freshUntil: times.freshUntil,
    spread: wire.spread,
    bundle: before !== undefined && isSame('bundle') ? before.bundle : checkBundle(wire.bundle),
    apps: before !== undefined && isSame('apps') ? before.apps : new Map(wire.apps.map((app) => [app.id, app])),
    ...(before !== undefined && isSame('keys')
      ? { keys: before.keys, withdrawn: before.withdrawn }
      : compileKeys(wire, before)),
    revocations:
      before !== undefined && isSame('revocations') && isSame('cuts')
        ? before.revocations
        : revocationSet([...wire.revocations, ...(wire.cuts ?? [])], times.at),
    floors: new Map(wire.floors.map(({ app, epoch }) => [app, epoch])),
    denied: before !== undefined && isSame('denied') ? before.denied : new Set(wire.denied),
    keySets: new Map(wire.keySets.map((set) => [set.app, set])),
    knockKeys: wire.knockKeys,
  };
}

/** Without a root nobody could come in any more, this gateway's next visit to the controller included. */
function checkBundle(bundle: readonly string[]): readonly string[] {
  if (bundle.length === 0) throw new PosternError('bad-answer', 'the stream withdraws every root');
  for (const root of bundle) new X509Certificate(root);
  return bundle;
}

const mostWithdrawn = 64;

function compileKeys(
  wire: WireState,
  before: GatewaySnapshot | undefined,
): Pick<GatewaySnapshot, 'keys' | 'withdrawn'> {
  const keys = new Map<string, KeyObject>();
  for (const { kid, jwk } of wire.keys) {
    const key = publicKeyFromJwk(jwk);
    const known = before?.keys.get(kid);
    keys.set(kid, known?.equals(key) ? known : key);
  }
  const known = [...(before?.withdrawn ?? []), ...(before?.keys.keys() ?? [])];
  return { keys, withdrawn: new Set(known.filter((kid) => !keys.has(kid)).slice(-mostWithdrawn)) };
}
