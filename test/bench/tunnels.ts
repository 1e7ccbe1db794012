/** Tunnels to a TCP app, both directions, beside HAProxy that ends the same TLS and passes TCP on. */
import { tcpApp } from '../support/gateway-apps.ts';
import { freePort } from '../support/journey-servers.ts';
import { startChild } from './child.ts';
import { startHaproxy } from './competitors.ts';
import type { GatewayCalls } from './gateway-child.ts';
import { type Bench, interleaved, median, medianRatio, type Run, times, whole } from './measure.ts';
import { processors } from './processors.ts';
import type { TunnelAppCalls } from './tunnel-app-child.ts';
import type { TunnelLoadCalls } from './tunnel-load-child.ts';

const tunnelCount = 4;
const rounds = 7;
const roundMs = 1500;
const contenders = ['gateway', 'haproxy'] as const;

export const tunnels: Bench = {
  name: 'tunnels',
  about: `CONNECT tunnels beside HAProxy in TCP mode, mutual TLS 1.3, ${tunnelCount} at a time, each direction`,
  needs: ['taskset', 'haproxy'],
  async run(run) {
    const measure = await startAll(run);
    const results = [];
    for (const direction of ['down', 'up'] as const) {
      const samples = await interleaved(contenders, rounds, async (name, round) => {
        const { bytes, ms, cpuNs } = await measure(name, direction);
        const sample = { rate: bytes / 1000 / ms, perCpu: bytes / (cpuNs / 1e9) / 1e6 };
        run.tell(
          `${direction}, round ${round} of ${rounds}: ${name} ${whole(sample.rate)} MB/s, ${whole(sample.perCpu)} MB per second of processor`,
        );
        return sample;
      });
      const of = (name: (typeof contenders)[number], what: 'rate' | 'perCpu') => samples[name].map((one) => one[what]);
      const line = (name: (typeof contenders)[number]) =>
        `${whole(median(of(name, 'rate')))} MB/s, ${whole(median(of(name, 'perCpu')))} MB per second of processor`;
      const ratio = (what: 'rate' | 'perCpu') => times(medianRatio(of('gateway', what), of('haproxy', what)));
      const way = direction === 'down' ? 'from the app' : 'to the app';
      results.push(
        {
          what: `gateway, ${way}`,
          measured: line('gateway'),
          beside: `${ratio('rate')} HAProxy's, by processor ${ratio('perCpu')}`,
        },
        { what: `HAProxy, ${way}`, measured: line('haproxy') },
      );
    }
    return results;
  },
};

async function startAll(run: Run) {
  const { server: core, load: loadCore } = processors();
  const { dir } = run;
  const app = startChild<TunnelAppCalls>(run, 'tunnel-app-child.ts', loadCore);
  const { port: appPort } = await app.ask.start(null);
  const postern = startChild<GatewayCalls>(run, 'gateway-child.ts', core);
  const { port: gatewayPort } = await postern.ask.start({ dir, apps: [tcpApp(appPort)] });
  const haproxyPort = await freePort();
  const haproxyPid = await startHaproxy(run, { cores: core, port: haproxyPort, app: appPort });
  const load = startChild<TunnelLoadCalls>(run, 'tunnel-load-child.ts', loadCore);
  const order = { dir, tunnels: tunnelCount, ms: roundMs };
  return async (name: (typeof contenders)[number], direction: 'up' | 'down') =>
    name === 'gateway'
      ? load.ask.run({
          ...order,
          direction,
          port: gatewayPort,
          grant: await postern.ask.grant({ app: 'db', action: 'connect' }),
          pid: postern.pid,
        })
      : load.ask.run({ ...order, direction, port: haproxyPort, grant: undefined, pid: haproxyPid });
}
