/** Where the way from this device to an app can fail: the one list, in the order in which legs are judged. */

export const legs = [
  'network',
  'captive-portal',
  'name',
  'proxy',
  'clock',
  'tls',
  'port',
  'udp',
  'knock',
  'certificate',
  'controller',
  'device',
  'session',
  'gateway',
] as const;
export type Leg = (typeof legs)[number];

/** What was found at one leg. */
export interface Finding {
  readonly leg: Leg;
  /** `name controller.example`. */
  readonly name: string;
  /** False: here it fails. Undefined: cannot be told, or not as it should be without being in the way. */
  readonly ok: boolean | undefined;
  /** What was seen. */
  readonly detail: string;
  /** One sentence with the leg's name in it, for messages; only where it fails. */
  readonly says?: string;
  readonly fix?: string;
}

/** The leg that fails, in one sentence; what messages, status and portal show. */
export interface Trouble {
  readonly leg: Leg;
  readonly says: string;
  readonly fix?: string;
}
