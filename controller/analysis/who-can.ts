/**
 * Who can use an app, on which of their devices, by which policies and groups, and on what conditions of their own: before and
 * after a draft, gains as prominent as losses. Its facts are given to it, so that they may be those of another day.
 */
import type { AccessOfPerson, WhoCanResult } from '#shared/contracts/admin-analysis.ts';
import type { App } from '#shared/contracts/app.ts';
import type { PostureCheck } from '#shared/contracts/posture.ts';
import { appFacts } from '../grants/load-facts.ts';
import type { Facts } from '../policy/facts.ts';
import { findAccess } from '../policy/find-access.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import type { KnownPerson, PeoplePage } from './load-people.ts';
import type { PartRequest } from './part-request.ts';
import type { OnProgress } from './replay.ts';
import type { Sets } from './what-if-people.ts';

export interface WhoCanOrder {
  readonly app: App;
  readonly part: PartRequest;
  readonly operation?: string | undefined;
  readonly at: number;
  readonly checks: readonly PostureCheck[];
}

export async function whoCan(
  pages: AsyncIterable<PeoplePage>,
  order: WhoCanOrder,
  { inForce, draft }: Sets,
  onProgress: OnProgress = () => {},
): Promise<WhoCanResult> {
  const { app, operation, at } = order;
  const can: AccessOfPerson[] = [];
  const gains: AccessOfPerson[] = [];
  const losses: AccessOfPerson[] = [];
  const changed: WhoCanResult['changed'] = [];
  const withoutDevice: string[] = [];
  let people = 0;
  for await (const page of pages) {
    for (const known of page.people) {
      people += 1;
      const person = known.person.id;
      if (known.devices.length === 0) withoutDevice.push(person);
      const before = accessOf(inForce, known, order);
      const after = draft === undefined ? before : accessOf(draft, known, order);
      if (after !== undefined) can.push(after);
      if (before === undefined && after !== undefined) gains.push(after);
      else if (before !== undefined && after === undefined) losses.push(before);
      else if (before !== undefined && after !== undefined && JSON.stringify(before) !== JSON.stringify(after))
        changed.push({ person, before, after });
    }
    await onProgress(page.done, page.total);
  }
  return {
    app: app.id,
    ...(operation === undefined ? {} : { operation }),
    at,
    draft: draft !== undefined,
    people,
    withoutDevice,
    can,
    gains,
    losses,
    changed,
  };
}

/** Undefined when they can on none of their devices. */
function accessOf(
  set: PolicySet | undefined,
  { person, devices }: KnownPerson,
  { app, part, operation, at, checks }: WhoCanOrder,
): AccessOfPerson | undefined {
  if (set === undefined) return undefined;
  const act = app.kind === 'http' ? 'request' : 'connect';
  const missing = new Set(part.missing);
  const forOne = app.kind === 'http' && operation !== undefined && app.once?.includes(operation) === true;
  const found = devices.flatMap(({ facts }) => {
    const question = { facts, app: appFacts(app), act, request: part.request, at } as const;
    const access = findAccess(set, question, missing, checks);
    if (access === undefined) return [];
    const { policies, conditions } = access;
    const isOnce = policies.some((name) => set.byName.get(name)?.once);
    const isOpen = conditions.some(({ kind }) => kind === 'request') && !forOne;
    return [
      {
        device: facts.device.id,
        policies: [...policies],
        ...(isOpen ? {} : { use: forOne || isOnce ? ('once' as const) : ('many' as const) }),
        groups: groupsOf(set, policies, facts),
        conditions: conditions.map(({ kind, text }) => ({ kind, text })),
      },
    ];
  });
  return found.length === 0 ? undefined : { person: person.id, devices: found };
}

function groupsOf(set: PolicySet, policies: readonly string[], { person }: Facts): string[] {
  const named = new Set(
    policies.flatMap((name) =>
      (set.byName.get(name)?.entities ?? []).filter(({ type }) => type === 'Group').map(({ id }) => id),
    ),
  );
  return (person.groups ?? []).filter((group) => named.has(group));
}
