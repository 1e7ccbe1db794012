/** More people at a `PolicyDesk`, each with a device of their own if they want one. */
import type { PolicyDesk } from './policy-desk.ts';
import { hourMs } from './policy-facts.ts';

export interface PersonWanted {
  readonly id: string;
  readonly groups?: readonly string[];
  readonly role?: string;
  readonly risk?: number;
  readonly state?: string;
  /** Ids; none unless told. */
  readonly devices?: readonly string[];
  /** Of each device; `live` unless told. */
  readonly session?: 'live' | 'ended' | 'none';
  readonly methods?: readonly string[];
  /** Milliseconds before now; null for never. */
  readonly secondFactorAgo?: number | null;
  readonly firewallOn?: boolean;
}

export async function addPerson({ db, now }: PolicyDesk, wanted: PersonWanted): Promise<void> {
  const { id, groups = [], role = 'employee', risk = 0, state = 'active', devices = [], session = 'live' } = wanted;
  const { methods = ['pwd', 'otp', 'mfa'], secondFactorAgo = 60_000 } = wanted;
  const person = { id, name: id, email: null, role, state, risk, created_at: 0, last_sign_in_at: null, had_factors: 1 };
  await db.insertInto('people').values(person).execute();
  for (const group of groups) {
    await db
      .insertInto('groups')
      .values({ id: group, name: group, created_at: 0 })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await db.insertInto('group_members').values({ group_id: group, person_id: id }).execute();
  }
  for (const device of devices) {
    await db
      .insertInto('devices')
      .values({
        id: device,
        person_id: id,
        name: device,
        os: 'linux',
        model: null,
        serial: null,
        state: 'active',
        ownership: 'company',
        approval: 'none',
        first_factors: 0,
        public_jwk: '{}',
        jkt: device,
        fingerprint: device,
        certificate_serial: '01',
        certificate_ends_at: now + 20 * hourMs,
        posture_seq: 0,
        enrolled_at: 0,
        last_seen_at: now,
        approved_at: 0,
      })
      .execute();
    if (wanted.firewallOn !== undefined)
      await db
        .insertInto('posture_facts')
        .values({
          device_id: device,
          fact: 'firewallOn',
          value: JSON.stringify(wanted.firewallOn),
          status: wanted.firewallOn ? 'pass' : 'fail',
          source: 'self',
          detail: null,
          measured_at: now - 1000,
          received_at: now - 1000,
        })
        .execute();
    if (session === 'none') continue;
    await db
      .insertInto('sessions')
      .values({
        id: `ses_${device}`,
        secret_hash: `secret ${device}`,
        person_id: id,
        device_id: device,
        state: session,
        ended_because: session === 'live' ? null : 'sign-out',
        methods: JSON.stringify(methods),
        started_at: now - hourMs,
        ends_at: now + 11 * hourMs,
        last_active_at: now,
        password_at: now - hourMs,
        second_factor_at: secondFactorAgo === null ? null : now - secondFactorAgo,
        knock_n: 0,
      })
      .execute();
  }
}
