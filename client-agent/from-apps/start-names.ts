/** Private DNS and apps at their real names, where zones are configured. Loaded by those who use it: the agent's memory is a bar. */
import type { Socket } from 'node:net';
import { newTrace } from '#shared/base/bytes.ts';
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Lifecycle } from '#shared/base/lifecycle.ts';
import { openNamesIssuer } from '../keystore/names-issuer.ts';
import { ProfileDirectory } from '../keystore/profile-directory.ts';
import { type Dns, startDns } from '../names/start-dns.ts';
import { createWhoAsks } from '../names/who-asks.ts';
import type { AppDirectory } from './app-directory.ts';
import type { OwnPortOptions } from './listen-own.ts';
import { carryToApp } from './local-ports.ts';
import { systemOwnerParts } from './owner-check.ts';
import { createRealNameServer } from './real-name-server.ts';
import { openRealNames, type RealNames } from './real-names.ts';
import type { Sites } from './sites.ts';
import type { LocalSideParts } from './start-local-side.ts';
import type { ToSiteParts } from './to-site.ts';

export interface NamesParts extends ToSiteParts {
  readonly parts: LocalSideParts;
  readonly apps: AppDirectory;
  readonly sites: Sites;
  readonly common: Pick<OwnPortOptions, 'check' | 'trustLoopback' | 'log'>;
  readonly lifecycle: Lifecycle;
}

export interface StartedNames {
  readonly dns: Dns;
  /** Undefined while the host name of an app is not served here. */
  addressOf(host: string): string | undefined;
  /** For `status` and `doctor`: one line a name and port. */
  listening(): readonly { readonly name: string; readonly address: string }[];
}

/** Throws `invalid-config` where privilege is missing, `conflict` for taken ports. */
export async function startNames(names: NamesParts): Promise<StartedNames> {
  const { parts, lifecycle } = names;
  const { agent, config, clock, log } = parts;
  let dns: Dns | undefined;
  const real = config.realNames ? lifecycle.add('real names', await openReal(names, () => dns?.renew())) : undefined;
  dns = await startDns({
    config: config.dns,
    apps: () => agent.apps(),
    // Without the privilege for ports of their own, names lead to the reverse proxy.
    addressOf: (host) => (real === undefined ? '127.0.0.1' : real.addressOf(host)),
    whoAsks: parts.whoAsks ?? createWhoAsks(systemOwnerParts()),
    clock,
    log,
  });
  lifecycle.add('dns', dns);
  if (real !== undefined) {
    const off = agent.on((event) => {
      if (event.type === 'apps') void real.follow();
    });
    lifecycle.add('list of apps', { stop: () => void off() });
  }
  const listening = () =>
    (real?.served() ?? []).flatMap(({ host, address, ports }) =>
      ports.map((port) => ({ name: `real name ${host}`, address: `${address}:${port}` })),
    );
  return { dns, addressOf: (host) => real?.addressOf(host), listening };
}

async function openReal(names: NamesParts, onChange: () => void): Promise<RealNames> {
  const { parts, sites, apps, common, lifecycle } = names;
  const { agent, config, directory, clock, log } = parts;
  if (config.dns.zones.length === 0) throw new PosternError('invalid-config', 'local.realNames wants local.dns.zones');
  const issuer = await openNamesIssuer(new ProfileDirectory(directory), config.dns.zones, clock);
  const server = lifecycle.add('real name server', createRealNameServer({ ...names, sites, issuer }));
  const toTcp = (app: string, socket: Socket) => {
    const trace = newTrace();
    carryToApp({ ...common, agent, apps }, app, socket, trace).catch((thrown: unknown) => {
      const error = asPosternError(thrown);
      log.info({ app, problem: error.code, trace }, `a local connection ended: ${error.message}`);
      socket.destroy();
    });
  };
  const list = () => agent.apps();
  return openRealNames({ zones: config.dns.zones, apps: list, server, toTcp, salt: directory, common, onChange, log });
}
