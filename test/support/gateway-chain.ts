/**
 * The local side of an agent in front of a real gateway, mutual TLS between them: only what decides (controller, sessions) is
 * missing, and grants come from the test.
 */
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { App } from '#shared/contracts/app.ts';
import type { Lease } from '../../client-agent/agent-api.ts';
import { startLocalSide } from '../../client-agent/from-apps/start-local-side.ts';
import type { Keystore } from '../../client-agent/keystore/keystore.ts';
import { GatewayLinks } from '../../client-agent/to-gateway/gateway-links.ts';
import { FakeAgentCore } from './fake-agent-core.ts';
import { type GrantChanges, gatewayId, trustDomain } from './gateway-world.ts';
import { localConfig } from './local-config.ts';
import { makeClients } from './make-clients.ts';
import { startDataPath } from './start-data-path.ts';

interface Test {
  teardown(close: () => unknown): void;
  testdir(): string;
}

/** `grant`: what is changed in the grants that the agent gets. Ends with the test. */
export async function startChain(t: Test, apps: readonly App[], grant: (app: string) => GrantChanges = () => ({})) {
  const gw = await startDataPath(apps);
  t.teardown(() => gw.stop());
  const { world, device, port } = gw;
  const own = { key: device.keys.privateKey, certificate: device.certificate, chain: device.chain };
  const keystore = { enrolment: { bundle: [world.root.certificate], trustDomain }, own: () => own };
  const links = new GatewayLinks({ keystore: keystore as unknown as Keystore, clock: systemClock });
  t.teardown(() => links.stop());
  const lease = (app: string): Lease => ({
    grant: world.grant(device, { app, ...grant(app) }),
    grantId: 'gr_0000000001',
    gateway: gatewayId,
    once: false,
    forward: links.link({ id: gatewayId, address: `127.0.0.1:${port}` }).forward,
  });
  const core = new FakeAgentCore(t, lease);
  core.list = apps.map(listed);
  const directory = t.testdir();
  const portalGot: string[] = [];
  const side = await startLocalSide({
    agent: core.agent,
    config: localConfig(),
    directory,
    clients: makeClients(directory),
    portal: (req, res) => {
      portalGot.push(`${req.method} ${req.url}`);
      res.setHeader('content-type', 'text/html').end('<title>the portal</title>here');
    },
    clock: systemClock,
    log: silentLog,
  });
  t.teardown(() => side.stop());
  return { gw, core, side, localPort: side.ports.portal, portalGot };
}
export type Chain = Awaited<ReturnType<typeof startChain>>;

/** As a controller lists it. */
export function listed(app: App): AppListed {
  const common = { id: app.id, name: app.name, usable: true, fixes: [] };
  if (app.kind === 'tcp') return { ...common, kind: app.kind, hosts: [app.host], port: app.port };
  const { kind, hosts, allowOrigins, crossSite } = app;
  return {
    ...common,
    kind,
    hosts,
    ...(allowOrigins === undefined ? {} : { allowOrigins }),
    ...(crossSite === 'allow' ? { crossSite } : {}),
  };
}
