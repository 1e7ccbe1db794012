/**
 * Whether what a gateway tells of an access agrees with the record of the grant that it names, which is the controller's own. Pure. An honest gateway has
 * person, session, app and policy version from the grant itself, whose signature it has checked, and the device from the handshake.
 */
import { second } from '#shared/base/clock.ts';
import { grantReach } from '#shared/contracts/grant.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { timeToleranceMs } from './judge-time.ts';

/** In the order in which they are looked for: the first is told. */
export type Dispute =
  | 'no-grant'
  | 'no-such-grant'
  | 'other-person'
  | 'other-device'
  | 'other-session'
  | 'other-app'
  | 'other-version'
  | 'other-site'
  | 'other-gateway';

/** What the record of a grant says; what was erased of it is not compared. */
export type KnownGrant = Pick<
  AccessRecord,
  'time' | 'person' | 'device' | 'session' | 'app' | 'epoch' | 'facts' | 'appFacts' | 'details'
>;

export interface Teller {
  readonly gateway: string;
  /** Undefined for one that is not known, of which nothing is compared with its site. */
  readonly site: string | undefined;
}

/** `known`: undefined where there is no record of the grant. Undefined where nothing speaks against it. */
export function disputeOf(record: AccessRecord, known: KnownGrant | undefined, teller: Teller): Dispute | undefined {
  const { kind, phase, verdict, grant, person, session } = record;
  if (kind !== 'access') return undefined;
  if (grant === undefined) {
    const isRefusal = phase === 'single' && verdict === 'deny';
    // Whoever has no grant is known by a device alone, or not at all.
    return isRefusal && person === undefined && session === undefined ? undefined : 'no-grant';
  }
  if (known === undefined) return 'no-such-grant';
  if (known.person !== undefined && known.person !== person) return 'other-person';
  // A stolen grant is told with the device that came with it, and whose it was.
  const holder =
    verdict === 'deny' && phase === 'single' ? (record.details?.['grantOf'] ?? record.device) : record.device;
  if (known.device !== holder) return 'other-device';
  if (known.session !== session) return 'other-session';
  if (known.app !== record.app) return 'other-app';
  if (known.epoch !== record.epoch) return 'other-version';
  // Elsewhere it is refused, which is told too.
  if (verdict === 'deny' && phase === 'single') return undefined;
  const site = known.appFacts?.site;
  if (site !== undefined && teller.site !== undefined && site !== teller.site) return 'other-site';
  const only = known.details?.['gateway'];
  return only === undefined || only === teller.gateway ? undefined : 'other-gateway';
}

/** By how many milliseconds an access lies outside the life of its grant: nothing begins after it, and nothing that names it is older. */
export function outsideOfGrant({ phase, time }: AccessRecord, known: KnownGrant): number | undefined {
  const before = known.time - time;
  if (before > timeToleranceMs) return before;
  const after = time - known.time - grantReach * second;
  return phase === 'opening' && after > timeToleranceMs ? after : undefined;
}
