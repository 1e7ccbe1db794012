/** `/api/me/*`: the person's own account, as the controller serves it (P12 and every check are the controller's). */
import { type TObject, Type } from 'typebox';
import { strict } from '#shared/contracts/common.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import type { RouteShape } from '#shared/contracts/route.ts';
import type { Agent } from '../agent-api.ts';
import type { PortalCall, PortalRoute } from './portal-routes.ts';
import { withQrCode } from './qr-code.ts';

/** As text, as a query comes; the controller judges the number. */
const queryText = strict({ limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,3}$' })) });

type AnyCall = (input: unknown) => Promise<unknown>;

/** The contract's own routes: what it does not name cannot be asked through the portal. */
export const accountRoutes: readonly PortalRoute[] = Object.entries(myAccount).map(
  ([name, route]: [string, RouteShape]) => ({
    method: route.method,
    path: route.path.replace(/^\/v1/, '/api'),
    ...(route.params === undefined ? {} : { params: route.params }),
    ...(route.query === undefined ? {} : { query: queryText }),
    ...(route.body === undefined ? {} : { body: route.body as TObject }),
    async run({ params, query, body }: PortalCall, { agent }: { readonly agent: Agent }) {
      const call = agent.me[name as keyof typeof myAccount] as AnyCall;
      const { limit } = query as { limit?: string };
      const answer = await call({
        ...(route.params === undefined ? {} : { params }),
        ...(limit === undefined ? {} : { query: { limit: Number(limit) } }),
        ...(route.body === undefined ? {} : { body }),
      });
      return name === 'addTotp' ? withQrCode(answer as { uri: string }) : answer;
    },
  }),
);
