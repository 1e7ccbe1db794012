/**
 * Grants read and verified before, by their exact text (P16). Only parse and signature are remembered, and the signature
 * only for as long as the very key that verified it is in force: everything that can change is the gates' to judge.
 */
import type { KeyObject } from 'node:crypto';
import { type ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { GrantClaims } from '#shared/contracts/grant.ts';
import { openGrant, type ParsedGrant, verifyGrantSignature } from '#shared/crypto/grant-token.ts';

export type ReadGrant =
  | { readonly ok: true; readonly kid: string; readonly claims: GrantClaims }
  /** `kid`: the unknown one. */
  | { readonly ok: false; readonly code: ErrorCode; readonly kid?: string };

export interface GrantReader {
  /** In this order: size and shape, class, key known, signature. */
  read(text: string, keys: ReadonlyMap<string, KeyObject>): ReadGrant;
}

interface Known {
  readonly grant: ReadGrant & { ok: true };
  readonly verifiedBy: KeyObject;
}

const defaultEntries = 8192;

export class GrantCache implements GrantReader {
  readonly #entries: number;
  // A Map keeps the order of insertion: the first entry is the one longest unused.
  readonly #known = new Map<string, Known>();

  constructor(entries: number = defaultEntries) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#known.size;
  }

  read(text: string, keys: ReadonlyMap<string, KeyObject>): ReadGrant {
    const known = this.#known.get(text);
    if (known !== undefined) {
      this.#known.delete(text);
      // P20: with the key gone or replaced, what it had verified counts for nothing.
      if (keys.get(known.grant.kid) === known.verifiedBy) {
        this.#known.set(text, known);
        return known.grant;
      }
    }
    return this.#verify(text, keys);
  }

  #verify(text: string, keys: ReadonlyMap<string, KeyObject>): ReadGrant {
    let parsed: ParsedGrant;
    try {
      parsed = openGrant(text);
      const key = keys.get(parsed.kid);
      if (key === undefined) return { ok: false, code: 'grant-key-unknown', kid: parsed.kid };
      verifyGrantSignature(parsed, key);
      return this.#remember(text, { grant: { ok: true, kid: parsed.kid, claims: parsed.claims }, verifiedBy: key });
    } catch (error) {
      // What is not a refusal is a fault of ours and must not look like the agent's.
      if (!(error instanceof PosternError)) throw error;
      return { ok: false, code: error.code };
    }
  }

  #remember(text: string, known: Known): ReadGrant {
    this.#known.set(text, known);
    if (this.#known.size > this.#entries) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    return known.grant;
  }
}
