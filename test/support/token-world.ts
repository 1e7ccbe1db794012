/** Everything that gives or takes a token: a whole controller with people and a device, a gateway, an app's verifier, an agent's local side. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { keyThumbprint, publicKeyToJwk } from '#shared/crypto/keys.ts';
import { createIdentityVerifier } from '../../deploy/quickstart/apps/verify-identity.ts';
import { cookieOf, localRig, postLink } from '../client-agent/from-apps/local-rig.ts';
import { enrolAgent, joinGateway } from '../controller/support/fake-peers.ts';
import { runServices } from '../controller/support/run-services.ts';
import { httpApp, startWebApp } from './gateway-apps.ts';
import { startDataPath } from './start-data-path.ts';

export type TokenWorld = Awaited<ReturnType<typeof openTokenWorld>>;

export async function openTokenWorld(t: Test) {
  const services = await runServices(t);
  const { controller, admin } = services;
  const olga = await enrolAgent(t, controller, 'olga');
  await admin.putPerson({ params: { id: 'rita' }, body: {} });
  const rita = await enrolAgent(t, controller, 'rita');
  // From now on she is asked for the code of a reset.
  await admin.resetFactors({ params: { id: 'rita' }, body: {} });
  await joinGateway(t, controller, 'gw-main');
  const adminToken = await controller.signIn('adam', 'admin');

  const app = await startWebApp();
  t.teardown(() => app.stop());
  const gateway = await startDataPath([httpApp(app.port)]);
  t.teardown(() => gateway.stop());

  const { publicKey, privateKey } = gateway.identityKey;
  const kid = keyThumbprint(publicKey);
  const jwks = JSON.stringify({ keys: [{ ...publicKeyToJwk(publicKey), kid, alg: 'ES256', use: 'sig' }] });
  const keySets = createServer((_req, res) => res.setHeader('content-type', 'application/json').end(jwks));
  keySets.listen(0, '127.0.0.1');
  await once(keySets, 'listening');
  t.teardown(() => {
    keySets.close();
    keySets.closeAllConnections();
  });
  const verify = createIdentityVerifier('wiki', `http://127.0.0.1:${(keySets.address() as AddressInfo).port}/`);

  const local = await localRig(t, { ownerCheck: async () => 'own' });
  // Another, at which nobody is known by their connection.
  const shared = await localRig(t, { ownerCheck: async () => 'unprovable' });
  const client = shared.clients.add({ name: 'ci', apps: ['wiki'] });
  const cookie = cookieOf(await postLink(local))
    .split('=')
    .slice(1)
    .join('=');
  return {
    controller,
    admin,
    olga,
    rita,
    adminToken,
    services,
    apiToken: services.token,
    app,
    gateway,
    identity: { kid, privateKey },
    verify,
    local,
    shared,
    clientPassword: client.password,
    cookie,
    /** Out of the file that lets a browser in. */
    linkToken: () => / name="token" value="([^"]+)"/.exec(readFileSync(local.side.oneTimeLink(), 'utf8'))?.[1] ?? '',
    /** Guesses are not what is looked at here: throttles forget, and time passes for budgets. */
    async calm() {
      await controller.store.db.deleteFrom('throttle').execute();
      controller.clock.advance(1000);
    },
  };
}
