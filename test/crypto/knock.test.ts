/** The knock's bytes: vectors of every version, made by another program; and what must hold for any knock at all. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import {
  type DoorKind,
  doorTimes,
  epochOf,
  type KnockKind,
  knockBytes,
  knockFields,
  maxKnockBytes,
} from '#shared/contracts/knock.ts';
import { decodeKnock } from '#shared/crypto/decode-knock.ts';
import { asPrelude, encodeKnock } from '#shared/crypto/encode-knock.ts';
import { doorSecret, knockAppId, knockClientId, knockKeyId, openKnockKey } from '#shared/crypto/knock-keys.ts';

interface GoodVector {
  readonly name: string;
  readonly secret: string;
  readonly door: string;
  readonly client: string;
  readonly time: number;
  readonly counter: number;
  readonly nonce: string;
  readonly kind: KnockKind;
  readonly source?: string;
  readonly apps: readonly string[];
  readonly doorSecret: string;
  readonly keyId: string;
  readonly bytes: string;
}

const vectors = join(import.meta.dirname, '../vectors/knock');
const read = (version: string, name: string) => JSON.parse(readFileSync(join(vectors, version, name), 'utf8'));
const keyOf = ({ secret, door }: GoodVector) => openKnockKey(doorSecret(Buffer.from(secret, 'hex'), door));
const timesOf = ({ door }: GoodVector) => doorTimes[door.split('/')[0] as DoorKind];
const plain = (source: string | undefined) => source?.replace('2001:db8::7', '2001:db8:0:0:0:0:0:7');

for (const version of readdirSync(vectors)) {
  const good: readonly GoodVector[] = read(version, 'good.json');

  t.test(`P25 ${version}: every good knock is read as what it says`, async (t) => {
    for (const vector of good) {
      const key = keyOf(vector);
      const keyId = knockKeyId(key, epochOf(vector.time, timesOf(vector)));
      t.equal(keyId.toString('hex'), vector.keyId, `${vector.name}: key id`);
      t.equal(doorSecret(Buffer.from(vector.secret, 'hex'), vector.door).toString('hex'), vector.doorSecret);
      const bytes = Buffer.from(vector.bytes, 'hex');
      const reading = decodeKnock(bytes, (id) => (id === keyId.toString('latin1') ? { key } : undefined));
      if (!reading.ok) throw new Error(`${vector.name}: ${reading.reason}`);
      const { time, counter, kind, source } = vector;
      t.match(reading.knock, { time, counter, kind, source: plain(source) }, vector.name);
      t.same(reading.knock.client, knockClientId(vector.client), `${vector.name}: client`);
      t.same(reading.knock.apps, vector.apps.map(knockAppId), `${vector.name}: apps`);
    }
  });

  t.test(`P25 ${version}: every bad knock is refused with its reason`, async (t) => {
    const { key: name, cases } = read(version, 'bad.json');
    const vector = good.find((one) => one.name === name)!;
    const key = keyOf(vector);
    const id = Buffer.from(vector.keyId, 'hex').toString('latin1');
    for (const { name, reason, bytes } of cases) {
      const reading = decodeKnock(Buffer.from(bytes, 'hex'), (asked) => (asked === id ? { key } : undefined));
      t.equal(reading.ok ? 'good' : reading.reason, reason, name);
    }
  });
}

t.test('P25: what is written now is what the vectors hold', async (t) => {
  for (const vector of read('v1', 'good.json') as GoodVector[]) {
    const bytes = encodeKnock(keyOf(vector), timesOf(vector), { ...vector, nonce: Buffer.from(vector.nonce, 'hex') });
    t.equal(bytes.toString('hex'), vector.bytes, vector.name);
  }
});

t.test('P25: the drawing has no holes, and is at most one small datagram', async (t) => {
  let at = 0;
  for (const field of Object.values(knockFields)) {
    t.equal(field.at, at);
    at += field.size;
  }
  t.equal(at, knockBytes);
  t.ok(knockBytes <= maxKnockBytes);
  t.equal(asPrelude(Buffer.alloc(knockBytes)).readUInt16BE(), knockBytes);
});

const times = doorTimes.gateway;
const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });
const knock = fc.record({
  client: fc.string({ minLength: 1, maxLength: 64 }),
  time: fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
  counter: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  kind: fc.constantFrom<KnockKind>('mutual', 'bootstrap'),
  source: fc.option(
    fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((address) => !/^[0:.]+$/.test(address)),
    ),
    { nil: undefined },
  ),
  apps: fc.array(fc.string({ minLength: 1, maxLength: 63 }), { maxLength: 8 }),
});

t.test('P25: any knock is read back, with any other key it is not, and no byte of it may change', async (t) => {
  fc.assert(
    fc.property(
      secret,
      secret,
      knock,
      fc.nat(knockBytes - 1),
      fc.integer({ min: 1, max: 255 }),
      (a, b, what, at, bits) => {
        const key = openKnockKey(a);
        const bytes = encodeKnock(key, times, what);
        const back = decodeKnock(bytes, () => ({ key }));
        if (!back.ok) return false;
        const { time, counter, kind } = back.knock;
        if (time !== what.time || counter !== what.counter || kind !== what.kind) return false;
        if (!back.knock.client.equals(knockClientId(what.client)) || back.knock.apps.length !== what.apps.length)
          return false;
        const other = decodeKnock(bytes, () => ({ key: openKnockKey(b) }));
        if (other.ok !== Buffer.from(a).equals(Buffer.from(b))) return false;
        bytes[at]! ^= bits;
        const changed = decodeKnock(bytes, () => ({ key }));
        return !changed.ok && changed.reason === 'bad-mac';
      },
    ),
  );
  t.pass('held');
});

t.test(
  'P25: two knocks of one device share no bytes but the epoch, and two epochs or doors not even that',
  async (t) => {
    const mine = Buffer.alloc(32, 1);
    const key = openKnockKey(doorSecret(mine, 'gateway/a'));
    const at = { client: 'device/dev_1', time: 1_000_000, counter: 1, kind: 'mutual' } as const;
    const [one, two] = [encodeKnock(key, times, at), encodeKnock(key, times, at)];
    const id = (bytes: Buffer) => bytes.toString('hex', 0, 16);
    t.equal(id(one), id(two), 'in one epoch the id is the same');
    t.not(one.toString('hex', 16 + 2, 34), two.toString('hex', 16 + 2, 34), 'nonce');
    t.not(one.toString('hex', 42), two.toString('hex', 42), 'what is hidden');
    t.not(id(encodeKnock(key, times, { ...at, time: at.time + times.epochMs })), id(one), 'another epoch');
    t.not(id(encodeKnock(openKnockKey(doorSecret(mine, 'gateway/b')), times, at)), id(one), 'another door');
  },
);

t.test('P25: what has no place in the layout is not written', async (t) => {
  const key = openKnockKey(Buffer.alloc(32, 1));
  const good = { client: 'device/dev_1', time: 1, counter: 1, kind: 'mutual' } as const;
  t.throws(() => encodeKnock(key, times, { ...good, counter: 0 }), RangeError);
  t.throws(() => encodeKnock(key, times, { ...good, counter: 2 ** 53 }), RangeError);
  t.throws(() => encodeKnock(key, times, { ...good, source: 'localhost' }), RangeError);
  t.throws(() => encodeKnock(key, times, { ...good, apps: Array(9).fill('a') }), RangeError);
  t.throws(() => encodeKnock(key, times, { ...good, nonce: Buffer.alloc(12) }), RangeError);
  t.throws(() => openKnockKey(Buffer.alloc(31)), TypeError);
});
