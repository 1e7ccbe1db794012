/** What exists in an organisation, as far as policies and their tests can name it; people apart. */
import { type Static, Type } from 'typebox';
import { httpApp, tcpApp } from './app.ts';
import { shortText, slug, strict } from './common.ts';

const { id, kind, site, groups, hosts, operations, allowSpellings } = httpApp.properties;

export const policyKnown = strict({
  groups: Type.Array(strict({ id: slug, parents: Type.Array(slug) })),
  apps: Type.Array(
    Type.Union([
      strict({ id, kind, site, groups, hosts, operations, allowSpellings }),
      strict({ id, kind: tcpApp.properties.kind, site, groups }),
    ]),
  ),
  appGroups: Type.Array(slug),
  checks: Type.Array(slug),
  timezone: shortText,
});
export type PolicyKnown = Static<typeof policyKnown>;
