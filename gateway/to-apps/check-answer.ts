/** The last step of a check: what the app answers to `GET /`, asked as the gateway asks, but for nobody. */
import { type IncomingMessage, request } from 'node:http';
import type { HttpApp } from '#shared/contracts/app.ts';
import type { AppCredentials } from '../keystore/app-credentials.ts';
import { type CheckPlace, checkMs, type Found, late, openTcp } from './check-connect.ts';
import { openTls } from './check-tls.ts';
import { isTrusted } from './upstream-tls.ts';

export interface Answer {
  readonly found: Found;
  readonly redirect?: string;
}

export async function askApp(app: HttpApp, place: CheckPlace, credential: AppCredentials): Promise<Answer> {
  const isTls = app.upstream.startsWith('https:');
  try {
    const response = await ask(app, place, credential, isTls);
    const { statusCode = 0, statusMessage = '', headers } = response;
    response.destroy();
    const told = `GET / answers ${`${statusCode} ${statusMessage}`.trim()}`;
    if (statusCode === 400 && !isTls && (await speaksTls(app, place, credential))) return { found: tlsPort(app) };
    if (statusCode >= 500)
      return { found: { result: 'fail', told, advice: 'that is an error of the app itself: its own log says more' } };
    if (statusCode === 400 || statusCode === 421) {
      const advice = `does the app know the host ${hostOf(app)}? Else: --host-header HOST`;
      return { found: { result: 'warn', told, advice } };
    }
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined)
      return { found: { result: 'ok', told } };
    return redirected(app, `${told}, to ${headers.location}`, headers.location);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!isTls && (await speaksTls(app, place, credential))) return { found: tlsPort(app) };
    const wantsCertificate = /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE/.test(code ?? '');
    const advice = wantsCertificate
      ? 'it wants to see a certificate: --tls-client-certificate NAME'
      : 'it takes connections, but gives no HTTP answer';
    return { found: { result: 'fail', told: `GET / fails: ${code ?? message}`, advice } };
  }
}

const hostOf = (app: HttpApp): string => app.hostHeader ?? app.hosts[0]!;

function tlsPort(app: HttpApp): Found {
  return {
    result: 'fail',
    told: 'the port speaks TLS, not plain HTTP',
    advice: `--upstream ${app.upstream.replace('http:', 'https:')}`,
  };
}

/** Whether the host of the target is an app, the controller knows. */
function redirected(app: HttpApp, told: string, location: string): Answer {
  const target = URL.parse(location);
  if (target === null) return { found: { result: 'ok', told } };
  const isItself = app.hosts.includes(target.hostname) && target.protocol === 'https:' && target.pathname === '/';
  if (isItself && target.search === '' && !app.upstream.startsWith('https:')) {
    const advice =
      'it wants HTTPS and overlooks X-Forwarded-Proto: switch that redirect off there, or give its https port as upstream';
    return { found: { result: 'warn', told, advice } };
  }
  return { found: { result: 'ok', told }, redirect: target.href.slice(0, 300) };
}

async function ask(
  app: HttpApp,
  place: CheckPlace,
  credential: AppCredentials,
  isTls: boolean,
): Promise<IncomingMessage> {
  const socket = isTls ? await openTls(app, place, credential) : await openTcp(place);
  if (!isTrusted(socket, isTls ? app.tls : undefined)) throw new Error('its key has changed since a moment ago');
  return new Promise((resolve, reject) => {
    const headers = {
      host: hostOf(app),
      'user-agent': 'postern-check',
      accept: '*/*',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': app.hosts[0]!,
      connection: 'close',
    };
    const asked = request({ createConnection: () => socket, method: 'GET', path: '/', headers });
    const timer = setTimeout(() => asked.destroy(late('answer')), checkMs);
    asked.once('close', () => clearTimeout(timer));
    asked.on('error', reject);
    asked.once('response', (response) => {
      response.on('error', () => {});
      resolve(response);
    });
    asked.end();
  });
}

async function speaksTls(app: HttpApp, place: CheckPlace, credential: AppCredentials): Promise<boolean> {
  const socket = await openTls(app, place, credential, true).catch(() => undefined);
  socket?.destroy();
  return socket !== undefined;
}
