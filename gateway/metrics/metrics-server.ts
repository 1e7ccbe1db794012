/** Health and Prometheus metrics on loopback. No name of a person, device or host is in them (P34). */
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Log } from '#shared/base/log.ts';
import type { GatewayCondition } from '#shared/contracts/gateway-to-controller.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import type { LogState } from '../kept-log/watch-log.ts';
import type { Counts } from './counters.ts';

export interface Health {
  readonly state: 'starting' | 'fresh' | 'stale';
  /** Change number in force. */
  readonly n: number;
  readonly certificateSecondsLeft: number;
  readonly spoolBytes: number;
  /** What is kept of the controller's log (P35). */
  readonly log: LogState;
  readonly condition: GatewayCondition;
  /** Controller time; undefined while it is not known. */
  readonly time: number | undefined;
}

export interface MetricsParts {
  readonly counts: () => Promise<Counts>;
  readonly health: () => Health;
  readonly log: Log;
}

const counters = {
  requests: ['Requests and tunnels by what became of them', 'code'],
  handshakes_refused: ['Connections whose certificate was refused', 'reason'],
  knocks: ['Knocks by what became of them', 'outcome'],
  malformed_requests: ['Requests that the parser refused', undefined],
  streams_cut: ['Running requests and streams ended by a change', undefined],
} as const;
type CounterName = keyof typeof counters;

export function createMetricsServer({ counts, health, log }: MetricsParts): FastifyInstance {
  const registry = new Registry();
  const made = Object.entries(counters).map(([name, [help, label]]) => {
    const labelNames = label === undefined ? [] : [label];
    const options = { name: `postern_gateway_${name}_total`, help, labelNames, registers: [registry] };
    return [name as CounterName, label, new Counter<string>(options)] as const;
  });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `postern_gateway_${name}`, help, registers: [registry] });
  const live = gauge('live', 'Requests, streams and tunnels running now');
  const stale = gauge('stale', '1 when the controller has not been heard for 15 s');
  const change = gauge('change_number', 'Change number in force');
  const certificate = gauge('certificate_seconds_left', 'Seconds until the certificate expires');
  const spool = gauge('spool_bytes', 'Bytes of records that wait for the controller');
  const refusing = gauge('refusing', '1 while no access can be recorded here, so that none is given');
  const behind = gauge(
    'records_behind_seconds',
    'Age of the oldest record that may not be at the controller; -1 while unknown',
  );
  const logSize = gauge('log_checkpoint_size', "Leaves of the newest checkpoint of the controller's log that is kept");
  const logAge = gauge(
    'log_checkpoint_age_seconds',
    'Since the controller last showed a good one; -1 before the first',
  );
  const logAlarm = gauge('log_inconsistent', '1 once it showed one that contradicts the kept one');

  const fill = async () => {
    const sums = await counts();
    for (const [name, label, counter] of made) {
      counter.reset();
      for (const [key, value] of Object.entries(sums)) {
        const [counted, of = ''] = key.split('|');
        if (counted === name) counter.inc(label === undefined ? {} : { [label]: of }, value);
      }
    }
    const { state, n, certificateSecondsLeft, spoolBytes, log: kept, condition, time } = health();
    live.set(sums['live|'] ?? 0);
    stale.set(state === 'fresh' ? 0 : 1);
    change.set(n);
    certificate.set(certificateSecondsLeft);
    spool.set(spoolBytes);
    refusing.set(condition.refusing === undefined ? 0 : 1);
    const { through } = condition;
    behind.set(through === undefined || time === undefined ? -1 : Math.max(0, Math.round((time - through) / 1000)));
    logSize.set(kept.size);
    logAge.set(kept.ageSeconds ?? -1);
    logAlarm.set(kept.state === 'inconsistent' ? 1 : 0);
  };

  const server = createEdgeApp({ log });
  server.get('/metrics', async (_request, reply) => {
    await fill();
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  server.get('/health', async (_request, reply) => {
    const now = health();
    return reply.code(now.state === 'fresh' ? 200 : 503).send(now);
  });
  return server;
}
