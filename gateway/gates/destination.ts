/**
 * Is the grant for what is asked: this app, this action, this host? HTTP only for HTTP apps, CONNECT only for a TCP app's
 * one host and port (P21). An app that is not there and one that the grant does not name get one answer (P12).
 */
import { hostOf } from '#shared/wire/canonical-request.ts';
import { type Gate, refuse } from './ask.ts';

export const destinationGate: Gate = (ask, state, at) => {
  const { claims } = ask.found;
  if (claims === undefined) return refuse('grant-missing');
  const app = state.apps.get(claims.app);
  if (app === undefined || app.site !== state.site) return refuse('app-mismatch');
  if (ask.kind === 'connect') {
    if (app.kind !== 'tcp' || ask.url.toLowerCase() !== `${app.host}:${app.port}`) return refuse('app-mismatch');
    if (claims.act !== 'connect') return refuse('action-mismatch');
  } else {
    if (app.kind !== 'http' || !app.hosts.includes(hostOf(ask.host))) return refuse('app-mismatch');
    if (claims.act !== 'request') return refuse('action-mismatch');
  }
  if (app.strict === true && at > state.freshUntil) return refuse('gateway-stale');
  ask.found.app = app;
  return undefined;
};
