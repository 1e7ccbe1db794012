/** What all opening records under one grant say alike, for as long as the grant is known and asked in the same way. */
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { Ask } from '../gates/ask.ts';
import type { SamePart } from '../record-sink.ts';

interface Kept extends SamePart {
  readonly gateway: string;
  readonly address: string;
  readonly device: string | undefined;
  readonly policies: readonly number[] | undefined;
}

export class SameParts {
  // Keyed by the claims object, which lives in the grant cache: what the cache forgets is forgotten here too.
  readonly #kept = new WeakMap<GrantClaims, Kept>();

  /** `make`: the members, from nothing but the claims (which name the app too) and what is compared here. The same object as long as they are the same. */
  of(ask: Ask, gateway: string, make: () => Readonly<Record<string, unknown>>): SamePart {
    const { claims, policies } = ask.found;
    const known = claims && this.#kept.get(claims);
    if (
      known !== undefined &&
      known.address === ask.address &&
      known.device === ask.peer?.id &&
      known.gateway === gateway &&
      isSame(known.policies, policies)
    )
      return known;
    const members = JSON.stringify(make()).slice(1, -1);
    const kept = { gateway, address: ask.address, device: ask.peer?.id, policies, members };
    if (claims !== undefined) this.#kept.set(claims, kept);
    return kept;
  }
}

function isSame(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.length === b.length && a.every((number, index) => number === b[index]);
}
