/**
 * Cedar's JSON form of a policy, as the official engine's `policyToJson` gives it. A Long beyond 2^53 is a bigint here:
 * JSON cannot carry it, and the official package rounds it.
 */

export interface EntityJsonUid {
  readonly type: string;
  readonly id: string;
}

export type UidJson = EntityJsonUid | { readonly __entity: EntityJsonUid };

/** `{ __entity }`, `{ __extn }` or data. */
export type ValueJson =
  | boolean
  | number
  | bigint
  | string
  | null
  | readonly ValueJson[]
  | { readonly [name: string]: ValueJson };

export type PatternPart = 'Wildcard' | { readonly Literal: string };

export interface Two {
  readonly left: Expr;
  readonly right: Expr;
}
export interface One {
  readonly arg: Expr;
}

/** An object with one member: the operator or the name of an extension function, and its operands. */
export type Expr = Readonly<Record<string, unknown>>;

export type ScopeJson =
  | { readonly op: 'All' }
  | ({ readonly op: '==' | 'in' } & ({ readonly entity: UidJson } | { readonly slot: string }))
  | { readonly op: 'in'; readonly entities: readonly UidJson[] }
  | {
      readonly op: 'is';
      readonly entity_type: string;
      readonly in?: { readonly entity: UidJson } | { readonly slot: string };
    };

export interface ConditionJson {
  readonly kind: 'when' | 'unless';
  readonly body: Expr;
}

export interface PolicyJson {
  readonly effect: 'permit' | 'forbid';
  readonly principal: ScopeJson;
  readonly action: ScopeJson;
  readonly resource: ScopeJson;
  readonly conditions: readonly ConditionJson[];
  readonly annotations?: Readonly<Record<string, string>>;
}
