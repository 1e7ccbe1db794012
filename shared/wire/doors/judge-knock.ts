/**
 * Is this a good knock (P25)? Pure: time, keys and the observed address are arguments. In order: length, key id, HMAC, form,
 * one-time password; then the key's own state, the device, the server, the clock, the address. The counter comes last, and is
 * the replay memory's (`replay-memory.ts`), which alone remembers.
 */
import { timingSafeEqual } from 'node:crypto';
import { addressToBytes } from '../../base/address-bytes.ts';
import { plainAddress } from '../../base/plain-address.ts';
import { type DoorTimes, epochOf, type KnockKind, type KnockReason } from '../../contracts/knock.ts';
import { decodeKnock, type OpenedKnock } from '../../crypto/decode-knock.ts';
import type { KeyRing, KnockCredential, RingEntry } from './key-ring.ts';

export interface KnockRules {
  readonly ring: Pick<KeyRing, 'find'>;
  readonly times: DoorTimes;
  /** What can be opened here. */
  readonly kinds: readonly KnockKind[];
  /**
   * `observed`: the packet's own address, which a knock may name, and must if it names any: for a connection that brings its
   * knock along. `stated`: the address that the knock names is let in, wherever the packet came from; without one, the
   * packet's. `must-state`: the same, and one must be named.
   */
  readonly source: 'observed' | 'stated' | 'must-state';
  /** Controller time since when the replay memory knows of every knock, in milliseconds. */
  readonly remembersSince: number;
}

export type KnockVerdict =
  | {
      readonly ok: true;
      readonly credential: KnockCredential;
      readonly knock: OpenedKnock;
      /** The address to let in. */
      readonly source: string;
    }
  | { readonly ok: false; readonly reason: KnockReason; readonly credential?: KnockCredential | undefined };

/** `now`: controller time in milliseconds. `observed`: the address that the bytes came from. */
export function judgeKnock(bytes: Buffer, observed: string, now: number, rules: KnockRules): KnockVerdict {
  const reading = decodeKnock(bytes, (keyId) => rules.ring.find(keyId, now));
  if (!reading.ok) return { ok: false, reason: reading.reason, credential: reading.entry?.credential };
  const { entry, knock } = reading;
  const { credential } = entry;
  const reason = wrongWith(entry, knock, observed, now, rules);
  if (reason !== undefined) return { ok: false, reason, credential };
  return { ok: true, credential, knock, source: knock.source ?? plainAddress(observed) };
}

function wrongWith(
  { credential, clientId, isGone, epoch }: RingEntry,
  knock: OpenedKnock,
  observed: string,
  now: number,
  { times, kinds, source, remembersSince }: KnockRules,
): KnockReason | undefined {
  if (isGone || (credential.until !== undefined && credential.until <= now)) return 'revoked';
  if (!timingSafeEqual(clientId, knock.client)) return 'wrong-client';
  if (!kinds.includes(knock.kind) || !credential.kinds.includes(knock.kind)) return 'wrong-kind';
  // The id is this epoch's and no other's: one knock has one spelling.
  if (epochOf(knock.time, times) !== epoch) return 'malformed';
  if (knock.time < now - times.toleranceMs) return 'stale';
  if (knock.time > now + times.toleranceMs) return 'future';
  // The memory was lost and begun anew: a knock from before may have been used, unless its key is younger than that. A key out of the
  // future was made while a clock was wrong: how old it is nobody knows.
  const isYounger = credential.since >= remembersSince && credential.since <= now;
  if (!isYounger && knock.time < remembersSince) return 'stale';
  if (source === 'must-state' && knock.source === undefined) return 'wrong-source';
  if (source === 'observed' && knock.source !== undefined && !isSame(knock.source, observed)) return 'wrong-source';
  return undefined;
}

function isSame(stated: string, observed: string): boolean {
  const bytes = addressToBytes(observed);
  return bytes !== undefined && addressToBytes(stated)?.equals(bytes) === true;
}
