/**
 * Tries an app's upstream step by step from this host: name, TCP, TLS, HTTP. The gateway's host may see it otherwise; what
 * answers here has at least been spelled right.
 */
import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { App, HttpApp } from '#shared/contracts/app.ts';

export interface CheckStep {
  readonly step: 'name' | 'tcp' | 'tls' | 'http';
  readonly ok: boolean;
  readonly told: string;
}

const patienceMs = 5000;

/** Ends at the first step that fails. */
export async function checkUpstream(app: App): Promise<CheckStep[]> {
  const url = new URL(app.kind === 'http' ? app.upstream : `tcp://${app.upstream}`);
  const host = url.hostname.replaceAll(/[[\]]/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const steps: CheckStep[] = [];
  const run = async (step: CheckStep['step'], act: () => Promise<string>): Promise<boolean> => {
    try {
      steps.push({ step, ok: true, told: await act() });
      return true;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      steps.push({ step, ok: false, told: code === undefined ? message : `${code}: ${message}` });
      return false;
    }
  };
  const found = await run('name', async () => {
    if (isIP(host) !== 0) return `${host} is an address`;
    const addresses = await lookup(host, { all: true });
    return `${host} is ${addresses.map(({ address }) => address).join(', ')}`;
  });
  if (!found || !(await run('tcp', () => connectTcp(host, port))) || app.kind === 'tcp') return steps;
  if (url.protocol === 'https:' && !(await run('tls', () => handshake(app, host, port)))) return steps;
  await run('http', () => askHttp(app, url));
  return steps;
}

function connectTcp(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const socket = connect({ host, port, timeout: patienceMs });
    socket.once('connect', () => {
      socket.destroy();
      resolve(`port ${port} answers after ${Math.round(performance.now() - started)} ms`);
    });
    socket.once('timeout', () => socket.destroy(new Error(`no answer in ${patienceMs} ms`)));
    socket.once('error', reject);
  });
}

function tlsOptions(app: HttpApp, host: string) {
  const { ca, serverName, pin } = app.tls ?? {};
  const name = serverName ?? host;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(isIP(name) === 0 ? { servername: name } : {}),
    // A pin stands in for the chain; it is compared below.
    rejectUnauthorized: pin === undefined,
  };
}

function handshake(app: HttpApp, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ host, port, method: 'HEAD', path: '/', ...tlsOptions(app, host), agent: false });
    asked.setTimeout(patienceMs, () => asked.destroy(new Error(`no handshake in ${patienceMs} ms`)));
    asked.once('error', reject);
    asked.once('socket', (socket) => {
      socket.once('secureConnect', () => {
        const tls = socket as TLSSocket;
        const leaf = tls.getPeerX509Certificate();
        const spki = leaf?.publicKey.export({ type: 'spki', format: 'der' });
        const seen = spki === undefined ? '' : createHash('sha256').update(spki).digest('hex');
        asked.destroy();
        const { pin } = app.tls ?? {};
        if (pin !== undefined && seen !== pin) return reject(new Error(`the key has the pin ${seen}, not ${pin}`));
        return resolve(`${tls.getProtocol()}, certificate until ${leaf?.validTo}`);
      });
    });
  });
}

function askHttp(app: HttpApp, url: URL): Promise<string> {
  const host = url.hostname.replaceAll(/[[\]]/g, '');
  const isTls = url.protocol === 'https:';
  const options = {
    host,
    port: url.port || (isTls ? 443 : 80),
    path: '/',
    method: 'GET',
    headers: { host: app.hostHeader ?? app.hosts[0]! },
    agent: false,
    ...(isTls ? tlsOptions(app, host) : {}),
  };
  return new Promise((resolve, reject) => {
    const asked = (isTls ? httpsRequest : httpRequest)(options, (response) => {
      response.destroy();
      resolve(`GET / answers ${response.statusCode} ${response.statusMessage ?? ''}`.trim());
    });
    asked.setTimeout(patienceMs, () => asked.destroy(new Error(`no answer in ${patienceMs} ms`)));
    asked.once('error', reject);
    asked.end();
  });
}
