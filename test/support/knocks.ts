/** Knocks of a device at a door, for tests of doors. */
import { randomBytes } from 'node:crypto';
import { type DoorKind, doorTimes } from '#shared/contracts/knock.ts';
import { encodeKnock, type Knock } from '#shared/crypto/encode-knock.ts';
import { doorSecret, openKnockKey } from '#shared/crypto/knock-keys.ts';
import type { KnockCredential } from '#shared/wire/doors/key-ring.ts';

export interface Knocker {
  readonly credential: KnockCredential;
  /** Each call counts on; `over` says what is different. */
  knock(over?: Partial<Knock>): Buffer;
}

let made = 0;

/** A device that knocks at `door` (`controller` or `gateway/<id>`) at `time`, a function so that clocks can move. */
export function makeKnocker(
  time: () => number,
  door = 'gateway/gw-main',
  over: Partial<KnockCredential> = {},
): Knocker {
  made += 1;
  const client = `device/dev_${String(made).padStart(12, '0')}`;
  const secret = doorSecret(randomBytes(32), door);
  const credential = { id: `knk_${made}`, client, secret, kinds: ['mutual'], since: time(), ...over } as const;
  const key = openKnockKey(credential.secret);
  let counter = 0;
  return {
    credential,
    knock(over = {}) {
      counter = over.counter ?? counter + 1;
      const kind = credential.kinds[0] ?? 'mutual';
      const times = doorTimes[door.split('/')[0] as DoorKind];
      return encodeKnock(key, times, { client: credential.client, time: time(), kind, ...over, counter });
    },
  };
}
