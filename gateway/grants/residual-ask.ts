/**
 * What residuals are evaluated against (P10): the canonical request with the name of its operation, by the definition of
 * the app that this gateway has now, and the network address that it sees.
 */
import type { Ask } from '#shared/cedar/ask.ts';
import { EvaluationError } from '#shared/cedar/evaluation-error.ts';
import { parseIpAddr } from '#shared/cedar/ext-ipaddr.ts';
import { finders, foundRecord } from '#shared/cedar/found-members.ts';
import { entitiesOfResiduals, Undecidable } from '#shared/cedar/residual-form.ts';
import { EntityUid, type Value } from '#shared/cedar/values.ts';
import type { App } from '#shared/contracts/app.ts';
import type { ExactRequest } from '#shared/contracts/grant.ts';
import { operationOf } from '#shared/wire/operations.ts';

/** What rules look at; `request` is undefined for a tunnel, which has none. */
export interface RuledRequest {
  readonly request: ExactRequest | undefined;
  /** The network address as the gateway sees it, from `plainAddress`. */
  readonly address: string;
  readonly app: App;
}

const nobody = new EntityUid('Nobody', '');

export function toResidualAsk(ruled: RuledRequest): Ask {
  const context = foundRecord(contextFacts, ruled);
  return { principal: nobody, action: nobody, resource: nobody, context, entities: entitiesOfResiduals };
}

const requestFacts = finders<RuledRequest>({
  method: ({ request }) => request?.method,
  host: ({ request }) => request?.host,
  path: ({ request }) => request?.path,
  query: ({ request }) => request?.query,
  operation: ({ request, app }) => (request !== undefined && app.kind === 'http' ? operationOf(app, request) : ''),
});

const networkFacts = finders<RuledRequest>({ address: ({ address }) => readAddress(address) });

const contextFacts = finders<RuledRequest>({
  request: (ruled) => (ruled.request === undefined ? undefined : foundRecord(requestFacts, ruled)),
  network: (ruled) => foundRecord(networkFacts, ruled),
});

/** Not an error of the one term that looks: then a permit that does not look would still permit. */
function readAddress(address: string): Value {
  try {
    return parseIpAddr(address);
  } catch (error) {
    if (error instanceof EvaluationError) throw new Undecidable(`the network address cannot be read: ${error.message}`);
    throw error;
  }
}
