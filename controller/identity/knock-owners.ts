/** Who may knock at the controller's door (P26): devices from their enrolment, gateways from joining, invitations while they are open. */
import type { Db } from '../store/open-store.ts';

export interface KnockOwner {
  readonly role: 'device' | 'gateway' | 'invitation';
  /** What its secret is made for: never the same for two keys. */
  readonly owner: string;
  /** What it calls itself in its knocks. */
  readonly client: string;
  /** Milliseconds; `until` is undefined for no end of its own. */
  readonly since: number;
  readonly until?: number | undefined;
}

export const deviceOwner = (id: string): string => `device/${id}`;
/** One that joined again is another one: the former may be in other hands. */
export const gatewayOwner = (id: string, jkt: string): string => `gateway/${id}/${jkt}`;
export const invitationOwner = (id: string): string => `invitation/${id}`;

/** Suspended and gone ones are not among them, nor devices of people who are (P17). */
export async function readKnockOwners(db: Db, at: number): Promise<KnockOwner[]> {
  const devices = await db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select(['devices.id as id', 'devices.enrolled_at as since'])
    .where('devices.state', 'in', ['pending', 'active'])
    .where('people.state', '=', 'active')
    .execute();
  const gateways = await db
    .selectFrom('gateways')
    .select(['id', 'jkt', 'joined_at'])
    .where('state', '=', 'active')
    .execute();
  const invitations = await db
    .selectFrom('invitations')
    .select(['id', 'created_at', 'ends_at'])
    .where('state', '=', 'open')
    .where('kind', 'in', ['device', 'gateway'])
    .where('ends_at', '>', at)
    .execute();
  return [
    ...devices.map(({ id, since }): KnockOwner => {
      const owner = deviceOwner(id);
      return { role: 'device', owner, client: owner, since };
    }),
    ...gateways.flatMap(({ id, jkt, joined_at }): KnockOwner[] =>
      jkt === null
        ? []
        : [{ role: 'gateway', owner: gatewayOwner(id, jkt), client: `gateway/${id}`, since: joined_at ?? 0 }],
    ),
    ...invitations.map(({ id, created_at, ends_at }): KnockOwner => {
      const owner = invitationOwner(id);
      return { role: 'invitation', owner, client: owner, since: created_at, until: ends_at };
    }),
  ];
}
