/** A whole controller with a device that is signed in and a gateway that has joined, and a gateway's data path: what each edge is reached by. */
import type { Test } from 'tap';
import type { Dispatcher } from 'undici';
import { systemClock } from '#shared/base/clock.ts';
import { makeDispatcher, makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import { enrolAgent, joinGateway } from '../controller/support/fake-peers.ts';
import { runController } from '../controller/support/run-controller.ts';
import { httpApp } from '../support/gateway-apps.ts';
import { gatewayId, trustDomain } from '../support/gateway-world.ts';
import { startDataPath } from '../support/start-data-path.ts';

export type Edge = 'stranger' | 'agent' | 'gateway' | 'admin' | 'device';

export interface EdgePlace {
  readonly dispatcher: Dispatcher & { request: Dispatcher['request'] };
  readonly origin: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface OpenEdges {
  of(edge: Edge): EdgePlace;
  /** Whether the callers are still who they were. */
  isWhole(): Promise<boolean>;
  /** Throttles are forgotten, and so is what makes the store grow. */
  forgive(): Promise<void>;
}

const policy =
  'permit(principal, action, resource) when { context.device.diskEncrypted || principal.role == "owner" };';

export async function openEdges(t: Test): Promise<OpenEdges> {
  const controller = await runController(t);
  const admin = controller.as({ reason: 'fuzz' });
  await admin.putPerson({ params: { id: 'emma' }, body: {} });
  const app = {
    id: 'wiki',
    name: 'Wiki',
    kind: 'http' as const,
    site: 'main',
    hosts: ['wiki.test'],
    upstream: 'http://127.0.0.1:1',
  };
  await admin.apply({ body: { bundle: { apps: [app] }, dryRun: false } });
  await admin.publishPolicy({ body: { files: [{ id: 'all', text: policy }], message: 'fuzz' } });
  const agent = await enrolAgent(t, controller, 'olga');
  const gateway = await joinGateway(t, controller, 'gw-main');
  const socket = makeUnixDispatcher(controller.addresses.adminSocket);
  t.teardown(() => socket.destroy());
  const gw = await startDataPath([httpApp(1)]);
  t.teardown(() => gw.stop());
  const { world, device, port } = gw;
  const { keys, certificate, chain } = device;
  const toGateway = makeDispatcher(() =>
    clientTlsOptions({
      bundle: [world.root.certificate],
      trustDomain,
      role: 'gateway',
      id: gatewayId,
      clock: systemClock,
      key: keys.privateKey,
      certificate,
      chain,
    }),
  );
  t.teardown(() => toGateway.destroy());
  const session = { authorization: `Postern-Session ${agent.secret}` };
  const places: Readonly<Record<Edge, EdgePlace>> = {
    stranger: { ...agent.stranger, headers: {} },
    agent: { ...agent.place, headers: session },
    gateway: { ...gateway.place, headers: {} },
    admin: { dispatcher: socket, origin: 'http://controller', headers: { 'postern-reason': 'fuzz' } },
    device: { dispatcher: toGateway, origin: `https://127.0.0.1:${port}`, headers: { host: 'wiki.corp.example' } },
  };
  const { db } = controller.store;
  const ask = async (edge: Edge, path: string) => {
    const { dispatcher, origin, headers } = places[edge];
    const answer = await dispatcher.request({ origin, path, method: 'GET', headers });
    await answer.body.dump();
    return answer.statusCode === 200;
  };
  return {
    of: (edge) => places[edge],
    async isWhole() {
      const row = await db.selectFrom('gateways').select('state').where('id', '=', 'gw-main').executeTakeFirst();
      return row?.state === 'active' && (await ask('agent', '/v1/me')) && (await ask('device', '/.postern/hello'));
    },
    async forgive() {
      for (const table of ['throttle', 'sign_in_flows', 'nonces', 'invitations', 'fact_snapshots'] as const)
        await db.deleteFrom(table).execute();
      gw.records.refused.length = 0;
    },
  };
}
