/** Edge 3: names on the wire between agent and gateway. `/.postern/*` is the gateway's on every host (P15). */
import { Type } from 'typebox';
import { madeId, oneOf, strict, text } from './common.ts';
import { maxGrantBytes } from './grant.ts';
import { defineContract } from './route.ts';

export const grantHeader = 'postern-grant';
export const identityHeader = 'postern-identity';
/** On every answer the gateway makes itself, so that an agent tells its refusals from the app's. */
export const verdictHeader = 'postern-verdict';
/** On those of its answers before which the app may have had the request: it is not to be sent again unless that does no harm. */
export const forwardedHeader = 'postern-forwarded';
export const traceHeader = 'postern-trace';
export const ownPathPrefix = '/.postern/';

export const agentToGateway = defineContract({
  /** Presents the next grants for the streams that live on earlier ones (P15). */
  renewStreams: {
    method: 'POST',
    path: '/.postern/grants',
    summary: 'Present the next grants for running streams',
    access: 'certificate',
    body: strict({ grants: Type.Array(Type.String({ maxLength: maxGrantBytes }), { minItems: 1, maxItems: 64 }) }),
    answer: strict({
      renewed: Type.Integer({ minimum: 0 }),
      refused: Type.Array(strict({ index: Type.Integer({ minimum: 0 }), code: text(64) })),
    }),
    maxBody: 128 * 1024,
  },
  hello: {
    method: 'GET',
    path: '/.postern/hello',
    summary: 'Which gateway this is and whether it is fresh',
    access: 'certificate',
    answer: strict({ gateway: text(63), site: text(63), state: oneOf(['fresh', 'stale']), device: madeId }),
  },
});
