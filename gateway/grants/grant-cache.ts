/**
 * Grants read and verified before, by their exact text (P16). Only parse, compiled rules and signature are remembered, and
 * the signature only for as long as the very key that verified it is in force: everything that can change is the gates' to judge.
 */
import type { KeyObject } from 'node:crypto';
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { openGrant, type ParsedGrant, verifyGrantSignature } from '#shared/crypto/grant-token.ts';
import { type CompiledRules, RuleCompiler } from './compile-rules.ts';

export type ReadGrant =
  | {
      readonly ok: true;
      readonly kid: string;
      readonly claims: GrantClaims;
      /** Undefined when something in them is not known here. */
      readonly rules: CompiledRules | undefined;
    }
  /** `kid`: the unknown one. */
  | { readonly ok: false; readonly code: ErrorCode; readonly kid?: string };

export interface GrantReader {
  /** In this order: size and shape, class, key known, signature, rules. */
  read(text: string, keys: ReadonlyMap<string, KeyObject>): ReadGrant;
}

interface Known {
  readonly grant: ReadGrant & { ok: true };
  readonly verifiedBy: KeyObject;
}

const defaultEntries = 8192;

/**
 * Two generations: when the recent one is full it becomes the older one, and what is still asked for there comes back. So
 * the `entries` used last are known, and at most twice as many; a grant in use is found without moving anything.
 */
export class GrantCache implements GrantReader {
  readonly #entries: number;
  readonly #rules = new RuleCompiler();
  #recent = new Map<string, Known>();
  #older = new Map<string, Known>();

  constructor(entries: number = defaultEntries) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  read(text: string, keys: ReadonlyMap<string, KeyObject>): ReadGrant {
    const known = this.#recent.get(text) ?? this.#bringBack(text);
    if (known === undefined) return this.#verify(text, keys);
    if (keys.get(known.grant.kid) === known.verifiedBy) return known.grant;
    // P20: with the key gone or replaced, what it had verified counts for nothing.
    this.#recent.delete(text);
    return this.#verify(text, keys);
  }

  #bringBack(text: string): Known | undefined {
    const known = this.#older.get(text);
    if (known === undefined) return undefined;
    this.#older.delete(text);
    this.#remember(text, known);
    return known;
  }

  #verify(text: string, keys: ReadonlyMap<string, KeyObject>): ReadGrant {
    let parsed: ParsedGrant;
    try {
      parsed = openGrant(text);
      const key = keys.get(parsed.kid);
      if (key === undefined) return { ok: false, code: 'grant-key-unknown', kid: parsed.kid };
      verifyGrantSignature(parsed, key);
      // Only what the controller has signed is worth the work.
      const rules = this.#rules.compile(parsed.claims.rules);
      return this.#remember(text, {
        grant: { ok: true, kid: parsed.kid, claims: parsed.claims, rules },
        verifiedBy: key,
      });
    } catch (error) {
      // What is not a refusal is a fault of ours and must not look like the agent's.
      if (!(error instanceof PosternError)) throw error;
      return { ok: false, code: error.code };
    }
  }

  #remember(text: string, known: Known): ReadGrant {
    this.#recent.set(text, known);
    if (this.#recent.size >= this.#entries) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    return known.grant;
  }
}
