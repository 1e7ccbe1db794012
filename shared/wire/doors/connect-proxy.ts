/** A connection through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6). */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { request } from '../../base/node-http.ts';
import { connectAddress, raceAddresses, resolveHost } from './connect-tcp.ts';
import { LegError } from './leg-failure.ts';
import type { ProxyPlace } from './proxy-of.ts';

/** Rejects with a `LegError` of `proxy`, or the signal's reason. The name is the proxy's to resolve. */
export async function connectByProxy(
  proxy: ProxyPlace,
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Socket> {
  const target = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  let raw: Socket | undefined;
  try {
    const addresses = await resolveHost(proxy.host, signal);
    raw = await raceAddresses(addresses, (address, stop) => connectAddress(address, proxy.port, stop), { signal });
    // An address is no server name (RFC 6066 section 3), and is what the certificate is then held against.
    const name = isIP(proxy.host) === 0 ? { servername: proxy.host } : { host: proxy.host };
    const socket = proxy.isTls ? connectTls({ socket: raw, ...name }) : raw;
    return await askConnect(socket, target, proxy, signal);
  } catch (error) {
    raw?.destroy();
    if (signal.aborted || (error instanceof LegError && error.leg === 'proxy')) throw error;
    const { code, how, message } = error as { code?: string; how?: string; message: string };
    throw new LegError('proxy', how ?? code ?? 'failed', `the HTTP proxy ${proxy.name}: ${message}`, { cause: error });
  }
}

function askConnect(socket: Socket, target: string, proxy: ProxyPlace, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: target,
      ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }),
    };
    const req = request({ method: 'CONNECT', path: target, headers, createConnection: () => socket });
    const end = (act: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      act();
    };
    const onError = (error: unknown) => end(() => reject(error));
    const onAbort = () =>
      end(() => {
        req.destroy();
        reject(signal.reason);
      });
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    req.once('error', onError);
    req.once('connect', ({ statusCode = 0 }: IncomingMessage, tunnel: Socket, head: Buffer) =>
      end(() => {
        if (statusCode >= 200 && statusCode < 300) {
          if (head.length > 0) tunnel.unshift(head);
          tunnel.on('error', () => {});
          resolve(tunnel);
          return;
        }
        tunnel.destroy();
        reject(new LegError('proxy', `status-${statusCode}`, refusal(proxy, target, statusCode)));
      }),
    );
    req.end();
  });
}

const wantsLogin = new Set([401, 407]);

function refusal({ name }: ProxyPlace, target: string, status: number): string {
  // Some say 401 where 407 is meant.
  if (wantsLogin.has(status)) return `the HTTP proxy ${name} wants another user and password`;
  if (status === 403) return `the HTTP proxy ${name} does not allow ${target}`;
  return `the HTTP proxy ${name} answered ${status} for ${target}`;
}
