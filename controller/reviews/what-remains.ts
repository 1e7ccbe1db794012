/** Whether the rights that reviewers took or wanted changed are still there: by the policy in force, never by a tick somebody made. */

import type { ReviewRow } from '#shared/contracts/access-review.ts';
import type { RightNow } from '#shared/contracts/admin-reviews.ts';
import { erasedPerson } from '#shared/log/check-review.ts';
import type { OnProgress } from '../analysis/replay.ts';
import { takeAway } from '../reports/take-away.ts';
import type { Db } from '../store/open-store.ts';
import { type RightHeld, type RightsNow, rightsNow } from './rights-now.ts';

export interface RemainsOrder {
  readonly review: string;
  /** With a decision to revoke or to change. */
  readonly rows: readonly ReviewRow[];
}

export async function whatRemains(
  db: Db,
  { review, rows }: RemainsOrder,
  { timezone, now }: { readonly timezone: string; readonly now: number },
  onProgress?: OnProgress,
): Promise<RightNow[]> {
  const [people, apps] = [new Set(rows.map(({ person }) => person)), new Set(rows.map(({ app }) => app))];
  // All apps of these people: what a group gives besides is told with it.
  const held = await rightsNow(db, { people: [...people], timezone, at: now }, onProgress);
  const known = new Map(held.rights.map((right) => [JSON.stringify([right.person, right.app]), right]));
  return rows
    .filter(({ app }) => apps.has(app))
    .map((row): RightNow => {
      const decision = row.decision!.decision;
      const head = { row: row.row, person: row.person, app: row.app, decision };
      const right = known.get(JSON.stringify([row.person, row.app]));
      if (right === undefined) return { ...head, ...withoutRight(row, held) };
      if (decision === 'change' && !isSame(row, right)) return { ...head, now: 'changed' };
      return { ...head, now: 'there', todo: todoOf(review, row, right, held) };
    });
}

function withoutRight({ person, app }: ReviewRow, { people, apps }: RightsNow): Pick<RightNow, 'now' | 'why'> {
  if (person === erasedPerson || !apps.has(app)) return { now: 'gone' };
  const known = people.get(person);
  if (known === undefined) return { now: 'gone' };
  if (known.person.state !== 'active')
    return { now: 'unknown', why: `${person} is ${known.person.state}: the right may come back with them` };
  if (known.devices.length === 0)
    return { now: 'unknown', why: `${person} has no device in service: the right may come back with one` };
  return { now: 'gone' };
}

const isSame = (row: ReviewRow, right: RightHeld): boolean =>
  JSON.stringify([row.policies, row.groups, row.conditions]) ===
  JSON.stringify([right.policies, right.groups, right.conditions]);

function todoOf(
  review: string,
  { decision, person, app }: ReviewRow,
  { groups, policies }: RightHeld,
  held: RightsNow,
) {
  const by = policies.length === 0 ? '' : ` (${policies.join(', ')})`;
  if (decision?.decision === 'change')
    return [`Change what gives ${person} the app ${app}${by}: ${decision.reason}`.slice(0, 1000)];
  const leave = groups.map((group) => {
    const others = held.rights
      .filter((one) => one.person === person && one.app !== app && one.groups.includes(group))
      .map((one) => one.app);
    const more = others.length === 0 ? '' : `; it gives them ${others.join(', ')} too`;
    return `Take ${person} out of the group ${group}${more}`.slice(0, 1000);
  });
  return [...leave, `Or add the policy: ${takeAway(`review-${review}`, person, app)}`];
}
