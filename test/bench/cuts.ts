/** Revocation to cut: from the message in the gateway to the end that each client sees, in another process. */
import { httpApp, tcpApp } from '../support/gateway-apps.ts';
import { startChild } from './child.ts';
import type { CutClientsCalls } from './cut-clients-child.ts';
import type { GatewayCalls } from './gateway-child.ts';
import { type Bench, median, percentile } from './measure.ts';
import { processors } from './processors.ts';
import type { StreamAppCalls } from './stream-app-child.ts';
import type { TunnelAppCalls } from './tunnel-app-child.ts';

const each = 250;
const rounds = 3;

export const cuts: Bench = {
  name: 'cuts',
  about: `revocation to cut: ${4 * each} live streams of four kinds (download, events, WebSocket, tunnel), clients in another process`,
  needs: ['taskset'],
  async run(run) {
    const { server: core, load: loadCore } = processors();
    const web = startChild<StreamAppCalls>(run, 'stream-app-child.ts', loadCore);
    const tcp = startChild<TunnelAppCalls>(run, 'tunnel-app-child.ts', loadCore);
    const apps = [httpApp((await web.ask.start(null)).port), tcpApp((await tcp.ask.start(null)).port)];
    const seen: { p50: number; p99: number; most: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const postern = startChild<GatewayCalls>(run, 'gateway-child.ts', core);
      const { port } = await postern.ask.start({ dir: run.dir, apps });
      const grants = {
        request: await postern.ask.grant({ app: 'wiki', action: 'request' }),
        connect: await postern.ask.grant({ app: 'db', action: 'connect' }),
      };
      const clients = startChild<CutClientsCalls>(run, 'cut-clients-child.ts', loadCore);
      await clients.ask.start({ dir: run.dir, port, each, grants });
      const open = await clients.ask.stillOpen(null);
      if (open !== 4 * each) throw new Error(`${open} of ${4 * each} streams run`);
      const { at, cut } = await postern.ask.revoke('anna');
      if (cut !== open) throw new Error(`the gateway cut ${cut} of ${open}`);
      const took = (await clients.ask.ends(null)).map((end) => end - at);
      await postern.ask.stop(null);
      seen.push({ p50: percentile(took, 0.5), p99: percentile(took, 0.99), most: Math.max(...took) });
      run.tell(
        `round ${round + 1} of ${rounds}: p50 ${seen.at(-1)!.p50.toFixed(0)} ms, p99 ${seen.at(-1)!.p99.toFixed(0)} ms`,
      );
    }
    const told = (what: 'p50' | 'p99' | 'most') => `${median(seen.map((one) => one[what])).toFixed(0)} ms`;
    return [
      {
        what: `revocation to cut, ${4 * each} streams of four kinds`,
        measured: `p50 ${told('p50')}, p99 ${told('p99')}`,
        beside: `the last ${told('most')}`,
      },
    ];
  },
};
