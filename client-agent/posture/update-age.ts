/**
 * From "these security updates wait" to the two facts about them. Where the system tells no date of an update, its age is
 * judged from the bad side: it counts from the agent's last look that did not see it, and if it was waiting at the very
 * first look, from the day its package was last changed.
 */
import { day } from '#shared/base/clock.ts';
import { updateGraceDays } from '#shared/contracts/posture.ts';
import { measured, type ProbeResult, unknown, verdict } from './probe.ts';

export type Pending =
  | { readonly known: true; readonly count: number /** 0 if none waits. */; readonly oldestDays: number }
  | { readonly known: false; readonly detail: string };

/** What a list of updates says; times in ms. */
export interface WaitingUpdate {
  readonly name: string;
  /** The maker's date, where there is one. */
  readonly issued?: number;
  /** When the installed version came. */
  readonly changed?: number;
}

/** A list older than this says nothing about today. */
const maxListAgeDays = 7;

export function patchAge(pending: Pending): ProbeResult<'patchAgeDays'> {
  if (!pending.known) return unknown(pending.detail);
  return measured<'patchAgeDays'>(
    pending.oldestDays,
    pending.count === 0 ? 'none waits' : `${pending.count} security updates wait`,
  );
}

export function updated(pending: Pending): ProbeResult<'osUpdated'> {
  if (!pending.known) return unknown(pending.detail);
  return verdict<'osUpdated'>(
    pending.oldestDays <= updateGraceDays,
    pending.count === 0 ? 'none waits' : `${pending.count} wait, for up to ${pending.oldestDays} days`,
  );
}

/** Ages in ms, all of the device's own clock. A list "of the future" is not believed. */
export function judgeWaiting(
  waiting: readonly WaitingUpdate[],
  times: { readonly now: number; readonly listDate: number; readonly seen: ReadonlyMap<string, number | undefined> },
): Pending {
  const listAge = times.now - times.listDate;
  if (!Number.isFinite(listAge) || listAge < -day)
    return { known: false, detail: 'the list of updates has an odd date' };
  if (listAge > maxListAgeDays * day) {
    return { known: false, detail: `the list of updates is ${Math.floor(listAge / day)} days old` };
  }
  if (waiting.length === 0) return { known: true, count: 0, oldestDays: 0 };
  const dates = waiting.flatMap((update) => sinceWhen(update, times.seen.get(update.name), times.listDate) ?? []);
  // New packages (a kernel) have no date at first sight; the updates that ask for them do.
  if (dates.length === 0) return { known: false, detail: `${waiting.length} wait; since when cannot be told` };
  const since = Math.min(times.now, ...dates);
  return { known: true, count: waiting.length, oldestDays: Math.floor((times.now - since) / day) };
}

function sinceWhen(update: WaitingUpdate, seen: number | undefined, listDate: number): number | undefined {
  if (update.issued !== undefined) return update.issued;
  const since = seen ?? update.changed;
  return since === undefined ? undefined : Math.min(since, listDate);
}
