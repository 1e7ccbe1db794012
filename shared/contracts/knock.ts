/**
 * The knock: one datagram, or the first bytes of a TCP connection, that is never answered (P25, P28). Fields aligned with the
 * SPA packet of CSA SDP v2.0, which fixes no bytes; these are ours, with vectors in test/vectors/knock/. Integers are big-endian.
 *
 *     at  size
 *      0   16  key id       HMAC-SHA256(id key, epoch as 8 bytes), the first 16: two epochs of one key cannot be linked
 *     16    1  version      1
 *     17    1  algorithm    1: AES-256-CTR, HMAC-SHA256, HOTP of 8 digits with HMAC-SHA-1 (RFC 4226)
 *     18   16  nonce        random; the first counter block of AES-256-CTR
 *     34    8  time         milliseconds since the epoch, by the sender's clock
 *              -- from here encrypted with the cipher key --
 *     42   32  client id    SHA-256("postern client\0" + `device/<id>`, `gateway/<id>` or `invitation/<id>`)
 *     74    8  counter      1 to 2^53 - 1; higher than in any knock before at this door with this key
 *     82   16  source       the address to let in, IPv4 mapped into IPv6; zeros: the one that is observed
 *     98    1  kind         1: to the mutual server, 2: to the bootstrap server (P3)
 *     99    1  app count    0 to 8
 *    100  128  app ids      8 times 16 bytes: SHA-256("postern app\0" + app id), the first 16; unused ones zero
 *    228    8  password     HOTP at `counter`, as digits of ASCII
 *              -- to here --
 *    236   32  HMAC         HMAC-SHA256(mac key, the 236 bytes before)
 *    268
 *
 * One size, whatever is in it. A receiver looks at the length, finds the key by its id (one look-up) and proves the HMAC in
 * constant time; nothing else is read before. Version and algorithm belong to the key: what the bytes say is compared with it,
 * never believed. In front of a TCP connection stand the knock's length as 2 bytes and the knock; TLS follows at once.
 *
 * Keys: each device has a secret of 32 bytes for the controller's door and one for gateways' doors; a gateway and an invitation have
 * one for the controller's. HKDF-SHA256 with the info
 * "postern knock door\0" + door makes of it the 32 bytes that this one door is given, and those, with "postern knock v1", the
 * id key (32), cipher key (32), mac key (32) and the secret of the HOTP (20).
 */

import { type Static, Type } from 'typebox';
import { hour, minute, second } from '../base/clock.ts';
import { oneOf, port, strict, text } from './common.ts';

export const knockVersion = 1;
export const knockAlgorithm = 1;
/** Of this version. No version may pass `maxKnockBytes`. */
export const knockBytes = 268;
export const maxKnockBytes = 512;
export const maxKnockApps = 8;
export const knockSecretBytes = 32;

/** Where each field stands, from the first byte. */
export const knockFields = {
  keyId: { at: 0, size: 16 },
  version: { at: 16, size: 1 },
  algorithm: { at: 17, size: 1 },
  nonce: { at: 18, size: 16 },
  time: { at: 34, size: 8 },
  client: { at: 42, size: 32 },
  counter: { at: 74, size: 8 },
  source: { at: 82, size: 16 },
  kind: { at: 98, size: 1 },
  appCount: { at: 99, size: 1 },
  apps: { at: 100, size: 128 },
  password: { at: 228, size: 8 },
  mac: { at: 236, size: 32 },
} as const;

export const knockKinds = { mutual: 1, bootstrap: 2 } as const;
export type KnockKind = keyof typeof knockKinds;

/** Bytes of the length in front of a knock on a TCP connection. */
export const preludeHeadBytes = 2;

/**
 * What a door makes of time (P25). At the controller the counter alone stops replays, so that a device with a wrong clock can
 * come and be told the time. `epochMs`: how long one key id is in use. A door takes the ids of every epoch that a good time
 * can lie in: at a gateway the adjacent ones.
 */
export const doorTimes = {
  gateway: { toleranceMs: 30 * second, epochMs: 10 * minute },
  controller: { toleranceMs: 24 * hour, epochMs: 4 * hour },
} as const;
export type DoorKind = keyof typeof doorTimes;
export type DoorTimes = { readonly toleranceMs: number; readonly epochMs: number };

/**
 * A door keeps counters on disk some ahead, so that most good knocks wait for no disk; after a crash it refuses the counters
 * that it had kept ahead. A sender counts in milliseconds of its clock, or by one when that stands or goes back, and when its
 * knock met silence goes on by `knockLeap`, which is more than what was kept ahead.
 */
export const knockReserve = 1000;
export const knockLeap = 2000;

/** `prelude`: the first bytes of a connection are a knock. `kernel`: a knock by UDP comes before it. `both`: first by UDP, then on the connection. */
export const doorModes = ['none', 'prelude', 'kernel', 'both'] as const;
export type DoorMode = (typeof doorModes)[number];
export const hasPrelude = (mode: DoorMode): boolean => mode === 'prelude' || mode === 'both';
export const hasKernelDoor = (mode: DoorMode): boolean => mode === 'kernel' || mode === 'both';

/** UDP ports that take knocks, each as good as the others, in the order in which they are to be tried. */
export const knockPorts = Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), { minItems: 1, maxItems: 8 });
/** Where nothing else is set or told. Two numbers, so that one host may carry a controller and a gateway. */
export const usualKnockPorts: Readonly<Record<DoorKind, readonly number[]>> = {
  controller: [62_201],
  gateway: [62_202],
};

/** What a process that has a door lets its operator set of knocks. */
export const knockSettings = (kind: DoorKind) =>
  strict({
    ports: {
      ...knockPorts,
      default: [...usualKnockPorts[kind]],
      description: 'UDP ports where a kernel door takes knocks; agents try them in this order',
    },
    openSeconds: Type.Integer({
      minimum: 10,
      maximum: 30,
      default: 20,
      description: 'Seconds in which a source may begin connections after its knock, at a kernel door',
    }),
  });

/** What newcomers and agents are told of a door: how it opens, the UDP ports of a kernel door, the TCP port with the prelude door alone. */
export const frontDoor = strict({
  door: oneOf([...doorModes]),
  ports: Type.Optional(knockPorts),
  preludePort: Type.Optional(port),
});

/** What enrolment and joining give: 32 bytes as base64url for the controller's door, what stands in front of it, and where a kernel door takes knocks. */
export const controllerKnock = strict({ secret: text(64), ...frontDoor.properties });

export const preludePortSetting = Type.Integer({
  minimum: 0,
  maximum: 65_535,
  default: 0,
  description:
    'TCP port with the prelude door alone, beside those that a kernel door keeps, for networks without UDP and for HTTP proxies (443 passes most); 0 turns it off',
});

/** What newcomers and agents are told of a door. */
export interface FrontDoor {
  readonly door: DoorMode;
  /** Of a kernel door. */
  readonly ports?: readonly number[] | undefined;
  /** TCP port of the same host with the prelude door alone: for networks through which no knock by UDP comes, and for HTTP proxies. */
  readonly preludePort?: number | undefined;
}

export function tellDoor({ door, ports, preludePort }: FrontDoor): Static<typeof frontDoor> {
  return {
    door,
    ...(ports === undefined ? {} : { ports: [...ports] }),
    ...(preludePort === undefined ? {} : { preludePort }),
  };
}

/** The name of a door, which its keys are made for. */
export const controllerDoor = 'controller';
export const gatewayDoor = (gateway: string): string => `gateway/${gateway}`;
export const timesOfDoor = (door: string): DoorTimes =>
  door === controllerDoor ? doorTimes.controller : doorTimes.gateway;

export const epochOf = (time: number, { epochMs }: DoorTimes): number => Math.floor(time / epochMs);

/** Why a knock was not answered: the closed list that is counted by. The sender hears none of it. */
export const knockReasons = {
  length: 'It is not as long as a knock.',
  'unknown-key': 'No key of this door has this id: noise, a knock for another door, or a key of another epoch.',
  'bad-mac': 'The HMAC is wrong.',
  version: 'Version or algorithm are not those of the key.',
  malformed: 'It is authentic and has no good form.',
  'wrong-password': 'The one-time password is not the one at this counter.',
  revoked: 'The key has been taken back.',
  'wrong-client': 'It is by another one than the key is for.',
  'wrong-kind': 'The key does not open this server.',
  stale: 'Its time is too long ago.',
  future: 'Its time is too far ahead.',
  'wrong-source': 'It came from another address than it names, or names none where one is wanted.',
  replayed: 'Its counter was used, or passed, before.',
  'memory-failed': 'The counter could not be kept, and what is not kept could be used again.',
  'too-slow': 'The connection said nothing that is a knock in time.',
  'gave-way': 'Too many connections of its source waited without a knock, and this was the oldest.',
  gone: 'The other end left before it had knocked.',
} as const;
export type KnockReason = keyof typeof knockReasons;
