/**
 * What has been taken back (P13), as an immutable value: a revocation matches every grant that it names and that was
 * decided before it. Bounded: one that no living grant can match any more is left out.
 */
import type { Revocation } from '#shared/contracts/gateway-to-controller.ts';

/** What a revocation looks at. `seen` is the change number the grant was decided at. */
export interface Revocable {
  readonly person: string;
  readonly device: string;
  readonly session: string;
  readonly app: string;
  readonly grant: string;
  readonly seen: number;
}

type Kind = Revocation['kind'];
type ByName = Exclude<Kind, 'everything'>;
const named: readonly ByName[] = ['person', 'device', 'session', 'grant', 'app'];

export interface RevocationSet {
  readonly size: number;
  /** The revocation that takes `grant` back, or undefined. */
  match(grant: Revocable): Revocation | undefined;
  /** True when one of the grants `ids` is named: for a stream, which remembers each it has lived on (P15). */
  namesAny(ids: ReadonlySet<string>): boolean;
}

/** `at`: controller time in milliseconds; what has ended by then is forgotten. */
export function revocationSet(revocations: readonly Revocation[], at: number): RevocationSet {
  const byId = new Map<string, Revocation>();
  let size = 0;
  for (const revocation of revocations) {
    if (revocation.until <= at) continue;
    size += 1;
    const key = keyOf(revocation.kind, revocation.id);
    const known = byId.get(key);
    if (known === undefined || known.seen < revocation.seen) byId.set(key, revocation);
  }
  const grants = new Set<string>();
  for (const { kind, id } of byId.values()) if (kind === 'grant') grants.add(id);
  return {
    size,
    match: size === 0 ? () => undefined : (grant) => find(byId, grant),
    // Node looks through the smaller of the two.
    namesAny: (ids) => !grants.isDisjointFrom(ids),
  };
}

function find(byId: ReadonlyMap<string, Revocation>, grant: Revocable): Revocation | undefined {
  const all = byId.get(keyOf('everything', ''));
  if (all !== undefined && grant.seen < all.seen) return all;
  for (const kind of named) {
    const revocation = byId.get(keyOf(kind, grant[kind]));
    if (revocation !== undefined && grant.seen < revocation.seen) return revocation;
  }
  return undefined;
}

// `everything` has no name: whatever its id says, it means all.
const keyOf = (kind: Kind, id: string): string => (kind === 'everything' ? 'everything' : `${kind}/${id}`);
