/** `/health` and `/metrics` on loopback (Prometheus text). Counts only: no name of a person, device or host (P34). */
import type { FastifyInstance } from 'fastify';
import type { Log } from '#shared/base/log.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';

export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly read: (scrape: Scrape) => Promise<GaugeValue> | GaugeValue;
}

/** One answer to one asker: gauges that are of one reading share it by this. */
export type Scrape = Readonly<Record<never, never>>;

/** One number, or one for each label. */
export type GaugeValue = number | readonly Sample[];
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A counter with one label, whose values are from a closed list. */
export interface Tally {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly read: () => Readonly<Record<string, number>>;
}

export function makeMetricsServer(gauges: readonly Gauge[], tallies: readonly Tally[], log: Log): FastifyInstance {
  const app = createEdgeApp({ log });
  app.get('/health', async () => ({ status: 'ok' }));
  app.get('/metrics', async (_, reply) => {
    const lines: string[] = [];
    const scrape: Scrape = {};
    for (const { name, help, read } of gauges) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples(name, await read(scrape)));
    }
    for (const { name, help, label, read } of tallies) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`);
      for (const [value, count] of Object.entries(read())) lines.push(`${name}{${label}="${value}"} ${count}`);
    }
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(`${lines.join('\n')}\n`);
  });
  return app;
}

function samples(name: string, value: GaugeValue): string[] {
  if (typeof value === 'number') return [`${name} ${value}`];
  return value.map((sample) => {
    // Values are slugs: nothing in them wants escaping.
    const labels = Object.entries(sample.labels).map(([label, text]) => `${label}="${text}"`);
    return `${name}{${labels.join(',')}} ${sample.value}`;
  });
}
