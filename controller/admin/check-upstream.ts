/** Whether what an app says of its upstream can work at all: refused when it is written, not found out by the first employee. */
import { X509Certificate } from 'node:crypto';
import { PosternError } from '#shared/base/errors.ts';
import { type App, type HttpApp, pinsOf } from '#shared/contracts/app.ts';

/** Throws `bad-request`, with why in `tell`. `at`: milliseconds since the epoch. */
export function checkUpstream(app: App, at: number): void {
  const text = app.kind === 'http' ? app.upstream : `tcp://${app.upstream}`;
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || url.username !== '' || (url.pathname !== '' && url.pathname !== '/')) {
    throw unfit(app, `the upstream is not ${app.kind === 'http' ? 'http(s)://host:port' : 'host:port'}`);
  }
  if (app.kind === 'tcp' && url.port === '') throw unfit(app, 'the upstream has no port');
  if (app.kind === 'http' && app.tls !== undefined) checkTls(app, app.tls, at);
}

/** Throws `bad-request`: the pattern of the contract lets ports and hosts pass that no URL has, and no browser would ever send. */
export function checkOrigins(app: HttpApp): void {
  const none = app.allowOrigins?.find((origin) => URL.parse(origin) === null);
  if (none !== undefined) throw unfit(app, `${none} is not an origin`);
}

export function unfit({ id }: App, why: string): PosternError {
  return new PosternError('bad-request', `app ${id}: ${why}`, { tell: `App "${id}": ${why}.` });
}

function checkTls(app: HttpApp, tls: NonNullable<HttpApp['tls']>, at: number): void {
  if (!app.upstream.startsWith('https:')) throw unfit(app, 'there are TLS options, but the upstream is not https://');
  const trust = [
    ...(tls.ca === undefined ? [] : ['ca']),
    ...(pinsOf(tls).length === 0 ? [] : ['pin']),
    ...(tls.insecure === undefined ? [] : ['insecure']),
  ];
  if (trust.length > 1) {
    throw unfit(app, `${trust.join(' and ')} exclude each other: how is the certificate of the upstream to be judged`);
  }
  if (tls.ca !== undefined) checkBundle(app, tls.ca, at);
}

const certificate = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function checkBundle(app: HttpApp, pem: string, at: number): void {
  if (pem.includes('PRIVATE KEY-----')) throw unfit(app, 'tls.ca holds a private key: give the certificate alone');
  const found = pem.match(certificate) ?? [];
  if (found.length === 0) throw unfit(app, 'tls.ca holds no certificate in PEM');
  const roots = found.map((text, place) => {
    try {
      return new X509Certificate(text);
    } catch {
      throw unfit(app, `certificate ${place + 1} of tls.ca cannot be read`);
    }
  });
  const last = Math.max(...roots.map(({ validToDate }) => validToDate.getTime()));
  if (last <= at) throw unfit(app, `tls.ca has expired: ${new Date(last).toISOString()}`);
}
