/** Rights that nobody used, with the policy that takes each away. */

import { accessThen } from './access-then.ts';
import { erased, used } from './from-records.ts';
import type { Maker, Row } from './report-shape.ts';
import { takeAway } from './take-away.ts';

export const unusedRights: Maker = async (db, order, onProgress) => {
  const { epoch, rights, notes } = await accessThen(db, order.at);
  const uses = (await used(db, order, onProgress)).rows;
  const keyOf = (person: unknown, app: unknown) => JSON.stringify([person, app]);
  const usedPairs = new Set(uses.map(({ person, app }) => keyOf(person, app)));
  const erasedUse = new Set(uses.filter(({ person }) => person === erased).map(({ app }) => app));
  const usedApps = new Set(uses.map(({ app }) => app));
  const rows = new Map<string, Row>();
  for (const { person, app, verdict, policies, groups, why } of rights) {
    const key = keyOf(person, app);
    if (usedPairs.has(key) || rows.has(key)) continue;
    const by = { policies: policies.join(', '), groups: groups.join(', ') };
    const change = verdict === 'undetermined' ? null : takeAway('unused', person, app);
    rows.set(key, {
      person,
      app,
      verdict: verdict === 'can' ? 'unused' : verdict,
      ...by,
      usedByOthers: usedApps.has(app),
      change,
      why,
    });
  }
  return {
    columns: ['person', 'app', 'verdict', 'policies', 'groups', 'usedByOthers', 'change', 'why'],
    rows: [...rows.values()],
    epoch,
    notes: [
      ...notes,
      'The change is a policy to add: it takes this right and nothing else. Where nobody uses an app, and where a group gives nothing else, it is simpler to take away the policy or the membership named here.',
      ...[...erasedUse].map((app) => `Somebody who was erased used ${app}.`),
    ],
  };
};
