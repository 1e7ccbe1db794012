/** The gateway's HTTP path beside a bare proxy of the same parts, nginx, and nginx that asks a service about each request. */
import { freePort } from '../support/journey-servers.ts';
import type { AuthServiceCalls } from './auth-service-child.ts';
import type { BareProxyCalls } from './bare-proxy-child.ts';
import { startChild } from './child.ts';
import { startApp, startNginxAuthRequest, startNginxProxy } from './competitors.ts';
import type { GatewayCalls } from './gateway-child.ts';
import type { HttpLoadCalls } from './http-load-child.ts';
import { type Bench, interleaved, median, medianRatio, type Run, times, whole } from './measure.ts';
import { processors } from './processors.ts';

const bytes = 512;
const connections = 32;
const rounds = 7;
const roundMs = 1500;
const host = 'wiki.corp.example';
const app = { id: 'wiki', name: 'Wiki', kind: 'http', site: 'main', hosts: [host] } as const;
const credential = `Bearer ${'c'.repeat(43)}`;

type Contender = 'gateway' | 'bare' | 'nginx' | 'asking' | 'asking-kept';
const contenders: readonly Contender[] = ['gateway', 'bare', 'nginx', 'asking', 'asking-kept'];

export const gateway: Bench = {
  name: 'gateway',
  about: `HTTP through the gateway: ${bytes}-byte answers, ${connections} connections, mutual TLS 1.3, one worker, real spool`,
  needs: ['taskset', 'nginx'],
  async run(run) {
    const { load, servers } = await startAll(run);
    const samples = await interleaved(contenders, rounds, async (name, round) => {
      const { head, pids } = servers[name];
      const measured = await load.ask.run({ name, head: await head(), ms: roundMs, pids });
      const sample = {
        cpu: measured.cpuNs / 1000 / measured.requests,
        rate: (measured.requests * 1000) / measured.ms,
      };
      const clients = measured.ownCpuNs / 1000 / measured.requests;
      run.tell(
        `round ${round} of ${rounds}: ${name} ${sample.cpu.toFixed(1)} us, ${whole(sample.rate)}/s (client ${clients.toFixed(1)} us)`,
      );
      return sample;
    });
    const of = (name: Contender, what: 'cpu' | 'rate') => samples[name].map((sample) => sample[what]);
    const line = (name: Contender, title: string) => ({
      what: title,
      measured: `${median(of(name, 'cpu')).toFixed(1)} us, ${whole(median(of(name, 'rate')))}/s`,
    });
    const cost = (name: Contender) => times(medianRatio(of('gateway', 'cpu'), of(name, 'cpu')));
    const speed = (name: Contender) => times(medianRatio(of('gateway', 'rate'), of(name, 'rate')));
    return [
      { ...line('gateway', 'gateway: processor time a request, requests a second'), beside: '' },
      { ...line('bare', 'bare node:https and undici proxy'), beside: `gateway costs ${cost('bare')} of it` },
      { ...line('nginx', 'nginx with mutual TLS'), beside: `gateway costs ${cost('nginx')} of it` },
      {
        ...line('asking', 'nginx with auth_request as its documentation shows it, and the service it asks'),
        beside: `gateway costs ${cost('asking')} of it and serves ${speed('asking')} its requests a second`,
      },
      {
        ...line('asking-kept', 'the same, with connections to app and service kept'),
        beside: `gateway costs ${cost('asking-kept')} of it and serves ${speed('asking-kept')} its requests a second`,
      },
    ];
  },
};

async function startAll(run: Run) {
  const { server: core, load: loadCore } = processors();
  const { dir } = run;
  const upstreamPort = await freePort();
  await startApp(run, { cores: loadCore, port: upstreamPort }, bytes);
  const upstream = `http://127.0.0.1:${upstreamPort}`;
  const postern = startChild<GatewayCalls>(run, 'gateway-child.ts', core);
  const { port: gatewayPort } = await postern.ask.start({ dir, apps: [{ ...app, hosts: [...app.hosts], upstream }] });
  const bare = startChild<BareProxyCalls>(run, 'bare-proxy-child.ts', core);
  const { port: barePort } = await bare.ask.start({ dir, upstream });
  const auth = startChild<AuthServiceCalls>(run, 'auth-service-child.ts', core);
  const { port: authPort } = await auth.ask.start([credential]);
  const behind = async () => ({ cores: core, port: await freePort(), app: upstreamPort });
  const proxy = await behind();
  const proxyPid = await startNginxProxy(run, proxy);
  const asking = { ...(await behind()), auth: authPort, kept: false };
  const askingPid = await startNginxAuthRequest(run, asking);
  const askingKept = { ...(await behind()), auth: authPort, kept: true };
  const askingKeptPid = await startNginxAuthRequest(run, askingKept);

  const load = startChild<HttpLoadCalls>(run, 'http-load-child.ts', loadCore);
  const ports = {
    gateway: gatewayPort,
    bare: barePort,
    nginx: proxy.port,
    asking: asking.port,
    'asking-kept': askingKept.port,
  };
  for (const name of contenders) await load.ask.open({ name, dir, port: ports[name], connections });
  const head = (more: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: bench\r\nAccept: */*\r\n${more}\r\n`;
  const askingHead = async () => head(`Authorization: ${credential}\r\n`);
  const servers = {
    gateway: {
      head: async () => head(`Postern-Grant: ${await postern.ask.grant({ app: app.id, action: 'request' })}\r\n`),
      pids: [postern.pid],
    },
    bare: { head: async () => head(''), pids: [bare.pid] },
    nginx: { head: async () => head(''), pids: [proxyPid] },
    asking: { head: askingHead, pids: [askingPid, auth.pid] },
    'asking-kept': { head: askingHead, pids: [askingKeptPid, auth.pid] },
  };
  return { load, servers };
}
