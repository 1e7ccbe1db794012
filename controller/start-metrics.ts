/** Puts the metrics server together, when it is switched on. */
import { second } from '#shared/base/clock.ts';
import type { Lifecycle } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { serveOpenApi } from '#shared/wire/open-api.ts';
import { controllerApi } from './api-document.ts';
import type { ControllerConfig } from './config.ts';
import type { AgentEvents } from './from-agents/agent-events.ts';
import type { ControllerDoor } from './from-agents/controller-door.ts';
import type { GatewayConditions } from './from-gateways/gateway-conditions.ts';
import type { GatewayStreams } from './from-gateways/gateway-streams.ts';
import { type Gauge, makeMetricsServer } from './metrics-server.ts';
import type { RunningServices } from './start-services.ts';
import type { Store } from './store/open-store.ts';

/** Where it listens, `host:port`; undefined when it is off. */
export async function startMetrics(
  { metrics: { enabled, docs, host, port } }: ControllerConfig,
  parts: {
    readonly store: Store;
    readonly streams: GatewayStreams;
    readonly conditions: Pick<GatewayConditions, 'of'>;
    readonly events: AgentEvents;
    readonly log: Log;
    readonly services: RunningServices | undefined;
    readonly entry: Pick<ControllerDoor, 'counts'>;
    readonly logGauges: readonly Gauge[];
  },
  lifecycle: Lifecycle,
): Promise<string | undefined> {
  if (!enabled) return undefined;
  const { store, streams, conditions, events, log, services, entry, logGauges } = parts;
  const count = async (table: 'grants' | 'records') => {
    const row = await store.db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirst();
    return Number(row?.n ?? 0);
  };
  const told = () => [...streams.connected()].flatMap((gateway) => conditions.of(gateway) ?? []);
  const server = makeMetricsServer(
    [
      {
        name: 'postern_gateways_connected',
        help: 'Gateways with an open stream',
        read: () => streams.connected().size,
      },
      {
        name: 'postern_agents_connected',
        help: 'Agents with an open event stream',
        read: () => events.connected().size,
      },
      { name: 'postern_grants_alive', help: 'Grants in the store', read: () => count('grants') },
      { name: 'postern_records_total', help: 'Records in the log', read: () => count('records') },
      {
        name: 'postern_gateways_refusing',
        help: 'Gateways that give no access, since they could record none',
        read: () => told().filter(({ refusing }) => refusing !== undefined).length,
      },
      {
        name: 'postern_records_behind_seconds',
        help: 'Age of the oldest record that a connected gateway may not have delivered; -1 while none says',
        read: () => {
          const ages = told().flatMap(({ at, through }) => (through === undefined ? [] : [at - through]));
          return ages.length === 0 ? -1 : Math.max(0, Math.round(Math.max(...ages) / second));
        },
      },
      ...logGauges,
      ...(services?.gauges ?? []),
    ],
    [
      {
        name: 'postern_controller_knocks_total',
        help: 'Knocks by what became of them',
        label: 'outcome',
        read: () => entry.counts(),
      },
    ],
    log,
  );
  lifecycle.add('metrics', { stop: () => server.close() });
  // The document says nothing of this installation: whoever may read the counts may read it.
  if (docs) await serveOpenApi(server, controllerApi(), { authorize: () => {} });
  return `${host}:${(await listenTcp(server, { host, port })).port}`;
}
