/**
 * Where the way from this device to an app can fail: the one list, in the order in which legs are judged. What a single connection can
 * tell of itself is `shared/wire/doors/leg-failure.ts`; here it is one witness among several.
 */
import type { DoctorLine } from '../agent-api.ts';

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
export type DoctorLeg = (typeof legs)[number];

/** What was found at one leg. */
export interface Finding extends DoctorLine {
  readonly leg: DoctorLeg;
}

/** The leg that fails, in one sentence; what messages, status and portal show. */
export interface Trouble {
  readonly leg: DoctorLeg;
  readonly says: string;
  readonly fix?: string;
}
