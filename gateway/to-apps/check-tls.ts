/** The TLS step of a check: whether the app is trusted as it is configured, and if not, what it shows and what would help. */
import type { X509Certificate } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { day } from '#shared/base/clock.ts';
import { type HttpApp, pinsOf } from '#shared/contracts/app.ts';
import { spkiFingerprint } from '#shared/crypto/keys.ts';
import type { AppCredentials } from '../keystore/app-credentials.ts';
import { type CheckPlace, checkMs, type Found, late, openTcp } from './check-connect.ts';
import { greetingName, isTrusted, upstreamTlsOptions } from './upstream-tls.ts';

/** Days before the end of a certificate from which a check warns. */
const warnDays = 14;

export async function tryTls(
  app: HttpApp,
  place: CheckPlace,
  credential: AppCredentials,
): Promise<{ found: Found; pin?: string }> {
  try {
    const socket = await openTls(app, place, credential);
    const leaf = socket.getPeerX509Certificate()!;
    const protocol = socket.getProtocol();
    const isPinned = isTrusted(socket, app.tls);
    socket.destroy();
    const pin = spkiFingerprint(leaf);
    if (isPinned) {
      return { found: judge(app, leaf, protocol, pin), pin };
    }
    return {
      found: {
        result: 'fail',
        told: `its key has the pin ${pin}, which is not the one given`,
        advice: `if it has a new key on purpose: --tls-pin ${pin}`,
      },
      pin,
    };
  } catch (error) {
    return explain(app, place, credential, error as NodeJS.ErrnoException);
  }
}

/** A handshake as for a request; `anyone` skips the check of the certificate, and nothing must be sent then. */
export async function openTls(
  app: HttpApp,
  place: CheckPlace,
  credential: AppCredentials,
  anyone = false,
): Promise<TLSSocket> {
  const options = upstreamTlsOptions(app, credential);
  const socket = await openTcp(place);
  return new Promise((resolve, reject) => {
    const tls = connect({
      socket,
      servername: greetingName(app),
      ALPNProtocols: ['http/1.1'],
      ...options,
      ...(anyone ? { rejectUnauthorized: false } : {}),
    });
    const timer = setTimeout(() => tls.destroy(late('handshake')), checkMs);
    tls.once('close', () => clearTimeout(timer));
    tls.on('error', reject);
    tls.once('close', () => reject(new Error('the connection was closed in the handshake')));
    tls.once('secureConnect', () => {
      clearTimeout(timer);
      resolve(tls);
    });
  });
}

function judge(app: HttpApp, leaf: X509Certificate, protocol: string | null, pin: string): Found {
  const { ca, insecure } = app.tls ?? {};
  const isPinned = pinsOf(app.tls ?? {}).length > 0;
  const trust = isPinned ? 'the pin' : ca === undefined ? "the system's roots" : 'the CA given';
  const told = `${protocol}, ${insecure ? 'any certificate is taken' : `trusted by ${trust}`}; ${describe(leaf)}`;
  if (insecure) return { result: 'warn', told, advice: `pin its key instead: --tls-pin ${pin}` };
  const left = leaf.validToDate.getTime() - Date.now();
  if (left >= warnDays * day) return { result: 'ok', told };
  return {
    result: 'warn',
    told,
    advice: left <= 0 ? 'its certificate has ended' : 'its certificate ends soon: renew it',
  };
}

function describe(leaf: X509Certificate): string {
  const found = leaf.subjectAltName?.matchAll(/(?:DNS|IP Address):([^,"]+)/g) ?? [];
  const names = [...found].map(([, name]) => name).join(', ') || 'no name';
  return `certificate of ${names.slice(0, 200)} until ${leaf.validToDate.toISOString().slice(0, 10)}`;
}

/** What failed, and, by looking once more without judging, what the app shows. */
async function explain(
  app: HttpApp,
  place: CheckPlace,
  credential: AppCredentials,
  error: NodeJS.ErrnoException,
): Promise<{ found: Found; pin?: string }> {
  const isLate = error.code === 'ETIMEDOUT';
  const seen = isLate ? undefined : await openTls(app, place, credential, true).catch(() => undefined);
  const leaf = seen?.getPeerX509Certificate();
  seen?.destroy();
  const { code = '', message } = error;
  const fail = (told: string, advice?: string) => ({
    result: 'fail' as const,
    told: `${code === '' ? '' : `${code}: `}${told}`,
    ...(advice === undefined ? {} : { advice }),
  });
  if (leaf === undefined) {
    if (!isLate && (await speaksPlainHttp(place))) {
      return {
        found: fail('the port answers plain HTTP, not TLS', `--upstream ${app.upstream.replace('https:', 'http:')}`),
      };
    }
    return {
      found: fail(
        message,
        /version|protocol/i.test(code) ? 'it does not speak a version of TLS that is accepted here' : undefined,
      ),
    };
  }
  const pin = spkiFingerprint(leaf);
  return { found: fail(`${message.split('\n', 1)[0]}; ${describe(leaf)}`, adviceFor(code, leaf, pin)), pin };
}

function adviceFor(code: string, leaf: X509Certificate, pin: string): string {
  if (code === 'CERT_HAS_EXPIRED') return "renew the app's certificate";
  if (code === 'CERT_NOT_YET_VALID') return 'is the clock of one of the two hosts wrong?';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const name = /DNS:([^,]+)/.exec(leaf.subjectAltName ?? '')?.[1];
    return name === undefined ? `pin its key: --tls-pin ${pin}` : `if that is the app: --tls-name ${name}`;
  }
  return `give the CA that has signed it: --tls-ca FILE, or pin its key: --tls-pin ${pin}`;
}

async function speaksPlainHttp(place: CheckPlace): Promise<boolean> {
  const socket = await openTcp(place).catch(() => undefined);
  if (socket === undefined) return false;
  return new Promise((resolve) => {
    const done = (is: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(is);
    };
    const timer = setTimeout(() => done(false), checkMs);
    socket.once('data', (bytes: Buffer) => done(bytes.subarray(0, 5).toString('latin1') === 'HTTP/'));
    socket.once('close', () => done(false));
    socket.write(`HEAD / HTTP/1.1\r\nHost: ${place.host}\r\nConnection: close\r\n\r\n`);
  });
}
