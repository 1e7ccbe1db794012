/**
 * P5: the person is told of what others did to their account: factors reset, a device invited or enrolled, a role or a state changed.
 * Read from the records of those acts, so that nothing can be done without it. Administrators are not named (P12).
 */
import { day } from '#shared/base/clock.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { readColumns, readRow } from '../log/read-row.ts';
import type { Db } from '../store/open-store.ts';

export interface Notice {
  readonly at: number;
  readonly what: string;
  readonly new: boolean;
}

const told = 30 * day;
const most = 100;
const kinds = ['factor', 'admin', 'enrolment', 'device'];

/** Newest first. */
export async function listNotices(db: Db, person: string, now: number): Promise<Notice[]> {
  const since = await signInBefore(db, person);
  const rows = await db
    .selectFrom('records')
    .select([...readColumns])
    .where('person_id', '=', person)
    .where('kind', 'in', kinds)
    .where('time', '>=', now - told)
    .orderBy('position', 'desc')
    .limit(1000)
    .execute();
  return rows
    .flatMap((row): Notice[] => {
      const { record: one, unreadable } = readRow(row);
      const told = unreadable === undefined ? toldOf(one, person) : `${cannotBeRead}: ${unreadable.record}.`;
      return told === undefined ? [] : [{ at: one.time, what: told, new: one.time > since }];
    })
    .slice(0, most);
}

/** When the sign-in before the latest ended well; what came after it has not been seen by anybody who signs in only now. */
async function signInBefore(db: Db, person: string): Promise<number> {
  const rows = await db
    .selectFrom('records')
    .select('time')
    .where('person_id', '=', person)
    .where('kind', '=', 'sign-in')
    .where('event', '=', 'signed-in')
    .where('verdict', '=', 'allow')
    .orderBy('position', 'desc')
    .limit(2)
    .execute();
  return rows[1]?.time ?? 0;
}

const toldOf = (record: AccessRecord, person: string): string | undefined =>
  record.verdict === 'deny' || record.actor === person ? undefined : inWords(record);

/** It could be what somebody would hide from the person. */
const cannotBeRead = 'Something about your account is on record and cannot be read; tell your administrator';

function inWords({ kind, event, actor, device, details = {} }: AccessRecord): string | undefined {
  if (event === 'device-enrolled') return `A device was enrolled in your name: ${device}.`;
  // What follows is told only when somebody else did it; what happens by itself has no actor.
  if (actor === undefined) return undefined;
  if (event === 'factors-reset') return 'Your password and second factors were reset by an administrator.';
  if (event === 'invited') return 'An administrator made an invitation for another device of yours.';
  if (event === 'recovered') return 'Your access was restored from the shell of the controller, with an invitation.';
  if (event === 'person-changed') return roleChange(details);
  const state = event?.match(/(?<=^set-).+/)?.[0];
  if (state === undefined) return undefined;
  const what = kind === 'device' ? `Your device ${device}` : 'Your account';
  return `${what} was set to ${state} by an administrator.`;
}

function roleChange({ before, after }: Readonly<Record<string, unknown>>): string | undefined {
  const [from, to] = [before, after].map((person) => (person as { role?: unknown } | undefined)?.role);
  return from === to ? undefined : `Your role was changed from ${String(from)} to ${String(to)} by an administrator.`;
}
