/** Puts the services listener together, when it is switched on: its certificate, its limits and what is mounted on it. */
import type { Log } from '#shared/base/log.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import type { Authority } from './authority/open-authority.ts';
import type { OwnParts } from './authzen/own-point.ts';
import type { PolicyStores } from './authzen/policy-stores.ts';
import { Workbench } from './authzen/workbench.ts';
import type { ControllerConfig } from './config.ts';
import { ClientGate } from './from-services/authorize-client.ts';
import { AuthzenCounts } from './from-services/authzen-counts.ts';
import { authzenRoutes } from './from-services/authzen-routes.ts';
import { logRoutes } from './from-services/log-routes.ts';
import { makeServicesListener } from './from-services/services-listener.ts';
import type { LogKeeper } from './log/log-keeper.ts';
import type { Gauge } from './metrics-server.ts';
import { servicesAt } from './reached-at.ts';

export interface ServicesParts extends OwnParts {
  readonly log: Log;
  readonly sealer: Sealer;
  readonly authority: Authority;
  readonly stores: PolicyStores;
  readonly keeper: LogKeeper;
}

export interface RunningServices {
  /** `https://host:port`, as clients reach it. */
  readonly url: string;
  readonly gauges: readonly Gauge[];
  certificateEndsAt(): number;
  stop(): Promise<void>;
}

/** Undefined while it is off: then nothing listens. Throws as `makeServicesListener` and `listenTcp`. */
export async function startServices(
  config: ControllerConfig,
  parts: ServicesParts,
): Promise<RunningServices | undefined> {
  const { enabled, host, port, certificate, key, leastTls, perSecond, records, log: serves } = config.services;
  if (!enabled) return undefined;
  const files = certificate === undefined || key === undefined ? undefined : { certificate, key };
  const listener = makeServicesListener({ ...parts, files, leastTls });
  const counts = new AuthzenCounts();
  let url = '';
  authzenRoutes(listener.app, {
    ...parts,
    gate: new ClientGate(parts, { perSecond }),
    bench: new Workbench(),
    counts,
    records: records === 'all',
    url: () => url,
  });
  if (serves !== 'none') logRoutes(listener.app, { db: parts.db, keeper: parts.keeper, clock: parts.clock, serves });
  const listening = await listener.listen({ host, port }).catch(async (error: unknown) => {
    await listener.stop();
    throw error;
  });
  // Port 443 is left out, as a base address is compared as text: clients write it without.
  url = `https://${servicesAt(config, listening)}`.replace(/:443$/, '');
  const { certificateEndsAt, stop } = listener;
  return { url, gauges: gaugesOf(counts), certificateEndsAt, stop };
}

function gaugesOf(counts: AuthzenCounts): Gauge[] {
  return [
    { name: 'postern_authzen_permits_total', help: 'AuthZEN evaluations permitted', read: () => counts.permits },
    { name: 'postern_authzen_denies_total', help: 'AuthZEN evaluations denied', read: () => counts.denies },
    { name: 'postern_authzen_searches_total', help: 'Pages of AuthZEN searches', read: () => counts.searches },
    {
      name: 'postern_authzen_refused_total',
      help: 'AuthZEN requests refused with an error',
      read: () => counts.refused,
    },
  ];
}
