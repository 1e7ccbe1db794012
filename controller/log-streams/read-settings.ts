/** What an admin asks for, held against what its kind of target knows: nothing missing, nothing that would mean nothing. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { PosternError } from '#shared/base/errors.ts';
import type { NewLogStream, StreamFormat, StreamKind } from '#shared/contracts/admin-log-streams.ts';
import { requireAllowed } from './allowed-address.ts';
import type { TargetSecrets, TargetSettings } from './target.ts';

type Name = keyof TargetSettings | keyof TargetSecrets | 'format';

export interface TargetRule {
  readonly needs: readonly string[];
  readonly knows: readonly string[];
}

interface KindRule extends TargetRule {
  readonly needs: readonly Name[];
  readonly knows: readonly Name[];
  readonly formats: readonly [StreamFormat, ...StreamFormat[]];
}

export const tlsSettings: readonly Name[] = ['plain', 'ca', 'certificate', 'key', 'serverName'];

/** The first format is the usual one. */
const kinds: Readonly<Record<StreamKind, KindRule>> = {
  syslog: { needs: ['address'], knows: ['format', ...tlsSettings], formats: ['rfc5424', 'cef', 'ocsf', 'ecs', 'json'] },
  otlp: { needs: ['url'], knows: ['authorization', ...tlsSettings], formats: ['otlp'] },
  splunk: { needs: ['url', 'token'], knows: ['index', ...tlsSettings], formats: ['json'] },
  elasticsearch: {
    needs: ['url', 'index'],
    knows: ['format', 'authorization', ...tlsSettings],
    formats: ['ecs', 'ocsf', 'json'],
  },
  file: {
    needs: [],
    knows: ['format', 'maxBytes', 'keep'],
    formats: ['json', 'csv', 'ocsf', 'ecs', 'cef', 'rfc5424', 'otlp'],
  },
};

export interface ReadSettings {
  readonly format: StreamFormat;
  readonly settings: TargetSettings;
  readonly secrets: TargetSecrets;
}

/** Throws `bad-request`, which says what would be right. */
export function readSettings(body: NewLogStream): ReadSettings {
  const { name: _, kind, since: _since, format, token, authorization, key, ...settings } = body;
  const { needs, knows, formats } = kinds[kind];
  const given: Partial<Record<Name, unknown>> = { ...settings, format, token, authorization, key };
  checkGiven(kind, { needs, knows }, given);
  const wanted = format ?? formats[0];
  if (!formats.includes(wanted)) throw wrong(`${kind} takes ${formats.join(', ')}`);
  checkTarget(settings, key);
  return { format: wanted, ...withoutQuery(settings, { token, authorization, key }) };
}

/** Throws `bad-request` for what this kind has not, and for what it needs and was not given. */
export function checkGiven(kind: string, { needs, knows }: TargetRule, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && ![...needs, ...knows].includes(name)) throw wrong(`${kind} has no ${name}`);
  }
  for (const name of needs) if (given[name] === undefined) throw wrong(`${kind} needs ${name}`);
}

/** Where it is and how it is reached. Throws `bad-request`. */
export function checkTarget(settings: TargetSettings, key: string | undefined): void {
  checkPlace(settings);
  checkTls(settings, key);
}

/** The query of a url is a secret as well: receivers that know no header have their keys there, and settings are what auditors read. */
export function withoutQuery<S extends TargetSettings>(
  { url, ...settings }: S,
  secrets: Readonly<Record<Exclude<keyof TargetSecrets, 'query'>, string | undefined>>,
): { readonly settings: Omit<S, 'url'> & { readonly url?: string }; readonly secrets: TargetSecrets } {
  const { bare, query } = splitUrl(url);
  const all = { ...secrets, query };
  return {
    settings: { ...settings, ...(bare === undefined ? {} : { url: bare }) },
    secrets: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)),
  };
}

/** `bare`: what may be shown of it. */
export function splitUrl(url: string | undefined): { readonly bare?: string; readonly query?: string } {
  if (url === undefined) return {};
  const [, bare = '', query = ''] = /^([^?#]*)(?:\?([^#]*))?/.exec(url) ?? [];
  return { bare, ...(query === '' ? {} : { query }) };
}

function checkPlace({ url, address, plain = false }: TargetSettings): void {
  if (address !== undefined) requirePlace(address.replace(/:\d+$/, ''));
  if (url === undefined) return;
  const place = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = plain ? 'http:' : 'https:';
  if (place === undefined || !['http:', 'https:'].includes(place.protocol))
    throw wrong('url is not a URL: https://host:port');
  if (place.protocol !== scheme)
    throw wrong(
      plain
        ? 'without TLS the url begins with http:'
        : 'the url begins with https:, or is marked as plain: anyone on the way reads the log then',
    );
  if (place.username !== '' || place.password !== '')
    throw wrong('url has a password in it: give it as authorization, which is sealed');
  requirePlace(place.hostname);
}

function requirePlace(host: string): void {
  try {
    requireAllowed(host);
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

/** What is wrong with a certificate or key is told now, not at the first connection. */
function checkTls({ ca, certificate, plain = false }: TargetSettings, key: string | undefined): void {
  if (plain && (ca ?? certificate ?? key) !== undefined) throw wrong('without TLS there are no certificates');
  if ((certificate === undefined) !== (key === undefined)) throw wrong('certificate and key: give both, or neither');
  for (const [name, pem] of Object.entries({ ca, certificate })) {
    if (pem === undefined) continue;
    try {
      new X509Certificate(pem);
    } catch {
      throw wrong(`${name} is no certificate in PEM`);
    }
  }
  if (certificate === undefined || key === undefined) return;
  try {
    createSecureContext({ cert: certificate, key });
  } catch {
    throw wrong('the key is not the key of the certificate, or cannot be read');
  }
}

export const wrong = (tell: string): PosternError =>
  new PosternError('bad-request', tell, { tell: `${tell[0]!.toUpperCase()}${tell.slice(1)}.` });
