/** What a record keeps of the app: what the policies were told of it (P32). */
import type { App } from '#shared/contracts/app.ts';
import type { GrantAction } from '#shared/contracts/grant.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { appFacts } from './load-facts.ts';

/** Nothing of an app that is not there or does not know the action: of that they were told nothing. */
export function toldOfApp(app: App | undefined, act: GrantAction): Pick<AccessRecord, 'appFacts'> {
  if (app === undefined || (app.kind === 'http') !== (act === 'request')) return {};
  const { kind, site, groups } = appFacts(app);
  return { appFacts: { kind, site, groups: [...groups] } };
}
