/**
 * What comes to a door as a knock: noise, good knocks that were altered, and authentic ones with anything in them. Only a knock
 * whose every byte is as a device with a key wrote it, in time and for the first time, is good.
 */
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { minute } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { doorTimes, knockFields as field, knockBytes, knockReasons } from '#shared/contracts/knock.ts';
import { encodeKnock } from '#shared/crypto/encode-knock.ts';
import { doorSecret, openKnockKey } from '#shared/crypto/knock-keys.ts';
import { KeyRing } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { applyEdits, type Edit, edits } from '../mutate.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

/** One field of an authentic knock set to these bytes. */
interface Forged {
  readonly name: keyof typeof field;
  readonly bytes: Uint8Array;
}

interface Case {
  readonly noise: Uint8Array | undefined;
  readonly edits: readonly Edit[];
  readonly forged: Forged | undefined;
  readonly off: number;
  readonly counter: number;
}

const names = Object.keys(field) as (keyof typeof field)[];
const times = doorTimes.gateway;
const now = 1_764_086_400_000 + 5 * minute;
const lastCounter = 1000;

const forged: fc.Arbitrary<Forged> = fc.constantFrom(...names).chain((name) =>
  fc.record({
    name: fc.constant(name),
    bytes: fc.uint8Array({ minLength: field[name].size, maxLength: field[name].size }),
  }),
);
const cases: fc.Arbitrary<Case> = fc.record({
  noise: fc.option(
    fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.uint8Array({ minLength: knockBytes, maxLength: knockBytes })),
    {
      nil: undefined,
      freq: 4,
    },
  ),
  edits: edits({ most: 3 }),
  forged: fc.option(forged, { nil: undefined }),
  off: fc.oneof(fc.constant(0), fc.integer({ min: -2 * times.toleranceMs, max: 2 * times.toleranceMs })),
  counter: fc.oneof(fc.constant(lastCounter + 1), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
});

export const knock: FuzzTarget = {
  name: 'knock',
  about: 'datagrams and preludes at a door: noise, altered knocks, authentic ones with anything in them',
  block: 2000,
  async open() {
    const client = 'device/dev_0123456789abcdef';
    const secret = doorSecret(randomBytes(32), 'gateway/gw-main');
    const key = openKnockKey(secret);
    const ring = new KeyRing(times);
    ring.put({ id: 'knk_00000001', client, secret, kinds: ['mutual'], since: now });
    const counts = new KnockCounts({ onSample: () => {} });
    // Each case starts from the same memory.
    const memory = { since: 0, accept: async (_key: string, counter: number) => counter > lastCounter };
    const judge = new KnockJudge({
      ring,
      times,
      kinds: ['mutual'],
      memory,
      counts,
      clock: { now: () => now },
      log: silentLog,
    });
    return {
      cases: cases as fc.Arbitrary<never>,
      async judge({ noise, edits, forged, off, counter }: Case) {
        const written = encodeKnock(key, times, { client, time: now + off, counter, kind: 'mutual', apps: ['wiki'] });
        const forgery = forged === undefined ? written : forge(written, forged);
        const bytes = noise === undefined ? applyEdits(forgery, edits) : Buffer.from(noise);
        const verdict = await judge.judge(bytes, '192.0.2.7', 'observed');
        const isGood = bytes.equals(written) && Math.abs(off) <= times.toleranceMs && counter > lastCounter;
        if (!verdict.ok) {
          must(Object.hasOwn(knockReasons, verdict.reason), `refused for ${verdict.reason}, which is no reason`);
          must(!isGood, `a good knock was refused: ${verdict.reason}`);
          return;
        }
        // Which apps it names is the sender's to say.
        must(
          isGood || ((forged?.name === 'apps' || forged?.name === 'appCount') && bytes.equals(forgery)),
          'a knock that no device wrote was good',
        );
      },
      settle() {
        const known = new Set([...Object.keys(knockReasons), 'good']);
        must(
          Object.keys(counts.read()).every((reason) => known.has(reason)),
          'something was counted that is no reason',
        );
      },
    } as OpenTarget<never>;

    function forge(written: Buffer, { name, bytes }: Forged): Buffer {
      const { at, size } = field[name];
      const forgery = Buffer.from(written);
      const nonce = written.subarray(field.nonce.at, field.nonce.at + field.nonce.size);
      const turn = () => {
        const hidden = forgery.subarray(field.client.at, field.mac.at);
        hidden.set(createCipheriv('aes-256-ctr', key.cipherKey, nonce).update(hidden));
      };
      turn();
      forgery.set(bytes.subarray(0, size), at);
      turn();
      if (name === 'mac') return forgery;
      forgery.set(createHmac('sha256', key.macKey).update(forgery.subarray(0, field.mac.at)).digest(), field.mac.at);
      return forgery;
    }
  },
};
