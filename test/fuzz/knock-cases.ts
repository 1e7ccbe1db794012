/** What comes to a door as a knock: noise, good knocks that were altered, and authentic ones with anything in them. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { minute } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { doorTimes, knockFields as field, knockBytes, knockReasons } from '#shared/contracts/knock.ts';
import { encodeKnock } from '#shared/crypto/encode-knock.ts';
import { doorSecret, openKnockKey } from '#shared/crypto/knock-keys.ts';
import { KeyRing } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { forgeKnock } from '../support/knocks.ts';
import { applyEdits, type Edit, edits } from './mutate.ts';
import { must } from './target.ts';

/** One field of an authentic knock set to these bytes. */
interface Forged {
  readonly name: keyof typeof field;
  readonly bytes: Uint8Array;
}

export interface KnockCase {
  readonly noise: Uint8Array | undefined;
  readonly edits: readonly Edit[];
  readonly forged: Forged | undefined;
  /** Milliseconds that its clock is ahead. */
  readonly off: number;
  /** To be added to the last counter that was good. */
  readonly step: number;
}

export interface MadeKnock {
  readonly bytes: Buffer;
  /** Whether every byte of these is as a device with a key wrote it, in time and for the first time. */
  readonly isGood: (seen: Buffer) => boolean;
  /** Or as the holder of the key wrote it with something in it that is the holder's to say. */
  readonly mayBeGood: (seen: Buffer) => boolean;
}

const names = Object.keys(field) as (keyof typeof field)[];
const times = doorTimes.gateway;
const now = 1_764_086_400_000 + 5 * minute;
export const fuzzedClient = 'device/dev_0123456789abcdef';

const forged: fc.Arbitrary<Forged> = fc.constantFrom(...names).chain((name) =>
  fc.record({
    name: fc.constant(name),
    bytes: fc.uint8Array({ minLength: field[name].size, maxLength: field[name].size }),
  }),
);
const whole = { minLength: knockBytes, maxLength: knockBytes };
const noise = fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.uint8Array(whole));

export const knockCases: fc.Arbitrary<KnockCase> = fc.record({
  noise: fc.option(noise, { nil: undefined, freq: 4 }),
  edits: edits({ most: 3 }),
  forged: fc.option(forged, { nil: undefined }),
  off: fc.oneof(fc.constant(0), fc.integer({ min: -2 * times.toleranceMs, max: 2 * times.toleranceMs })),
  step: fc.oneof(fc.constant(1), fc.integer({ min: -1000, max: 5000 })),
});

/** A judge with one key, at a time that stands still. Its memory begins anew with each case, so that a find can be made smaller. */
export function openFuzzedDoor() {
  const secret = doorSecret(randomBytes(32), 'gateway/gw-main');
  const key = openKnockKey(secret);
  const ring = new KeyRing(times);
  ring.put({ id: 'knk_00000001', client: fuzzedClient, secret, kinds: ['mutual'], since: now });
  const counts = new KnockCounts({ onSample: () => {} });
  const last = 10_000;
  const memory = { since: 0, accept: async (_key: string, counter: number) => counter > last };
  const clock = { now: () => now };
  const judge = new KnockJudge({ ring, times, kinds: ['mutual'], memory, counts, clock, log: silentLog });

  return {
    judge,
    make({ noise, edits, forged, off, step }: KnockCase): MadeKnock {
      const counter = last + step;
      const about = { client: fuzzedClient, time: now + off, counter, kind: 'mutual', apps: ['wiki'] } as const;
      const written = encodeKnock(key, times, about);
      const forgery = forged === undefined ? written : forgeKnock(key, written, forged.name, forged.bytes);
      const bytes = noise === undefined ? applyEdits(forgery, edits) : Buffer.from(noise);
      const isInTime = Math.abs(off) <= times.toleranceMs && counter > last;
      const isOwnWord = forged?.name === 'apps' || forged?.name === 'appCount';
      const isGood = (seen: Buffer) => isInTime && seen.equals(written);
      return { bytes, isGood, mayBeGood: (seen) => isGood(seen) || (isInTime && isOwnWord && seen.equals(forgery)) };
    },
    /** How many knocks and visits were counted, of whatever outcome. */
    counted: () => Object.values(counts.read()).reduce((sum, n) => sum + n, 0),
    mustKnowReasons() {
      const known = new Set([...Object.keys(knockReasons), 'good']);
      const all = Object.keys(counts.read()).every((reason) => known.has(reason));
      must(all, 'something was counted that is no reason');
    },
  };
}
