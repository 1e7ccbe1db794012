/** What all opening records under one grant say alike, as JSON, for as long as the grant is known and asked in the same way. */
import type { GrantClaims } from '#shared/contracts/grant.ts';
import type { Ask } from '../gates/ask.ts';

interface Kept {
  readonly gateway: string;
  readonly address: string;
  readonly device: string | undefined;
  readonly app: string | undefined;
  readonly policies: readonly number[] | undefined;
  /** The members, and the end of the object. */
  readonly json: string;
}

export class SameParts {
  // Keyed by the claims object, which lives in the grant cache: what the cache forgets is forgotten here too.
  readonly #kept = new WeakMap<GrantClaims, Kept>();

  /** `make`: the members, from nothing but what is compared here. */
  of(ask: Ask, gateway: string, make: () => Readonly<Record<string, unknown>>): string {
    const { claims, app, policies } = ask.found;
    const known = claims && this.#kept.get(claims);
    if (
      known !== undefined &&
      known.address === ask.address &&
      known.device === ask.peer?.id &&
      known.app === app?.id &&
      known.gateway === gateway &&
      isSame(known.policies, policies)
    )
      return known.json;
    const json = JSON.stringify(make()).slice(1);
    if (claims !== undefined)
      this.#kept.set(claims, { gateway, address: ask.address, device: ask.peer?.id, app: app?.id, policies, json });
    return json;
  }
}

function isSame(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.length === b.length && a.every((number, index) => number === b[index]);
}
