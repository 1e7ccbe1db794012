/** The flags of `posternctl app add` and `app set`. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { CliCall, CliOption } from '#shared/base/cli.ts';
import { type App, tlsVersions, type UpstreamTls } from '#shared/contracts/app.ts';
import { spkiFingerprint } from '#shared/crypto/keys.ts';
import { checkApp } from './read-directory.ts';
import { chosen, flag, given, misuse, numbered, option, options, usage } from './show.ts';

export const appOptions: Readonly<Record<string, CliOption>> = {
  file: { type: 'string', short: 'f', value: 'FILE', about: 'YAML of the app; flags change it' },
  kind: { type: 'string', value: 'KIND', about: 'http or tcp' },
  name: { type: 'string', value: 'NAME', about: 'Name that people see' },
  description: { type: 'string', value: 'TEXT', about: 'One line' },
  site: { type: 'string', value: 'ID', about: 'Site whose gateways serve it; main unless told' },
  host: { type: 'string', value: 'HOST', multiple: true, about: 'Host name; several times for several (http)' },
  port: { type: 'string', value: 'N', about: 'Port that people connect to (tcp)' },
  upstream: { type: 'string', value: 'WHERE', about: 'http(s)://host:port, or host:port for tcp' },
  group: { type: 'string', value: 'ID', multiple: true, about: 'Group of apps' },
  operation: { type: 'string', value: 'NAME=PATTERN', multiple: true, about: 'Like "export=POST /reports/*/export"' },
  once: { type: 'string', value: 'NAME', multiple: true, about: 'Operation that is granted for one use at a time' },
  'once-none': { type: 'boolean', about: 'Forget all --once' },
  'grant-seconds': { type: 'string', value: 'N', about: 'Life of a grant, 5 to 300' },
  strict: { type: 'boolean', about: 'Refused by a gateway that lost its controller' },
  'exact-request': {
    type: 'boolean',
    about: 'Grants for one request each, where policies are too large for one of the app',
  },
  'whole-app': { type: 'boolean', about: 'Forget --exact-request: one grant serves every request that is allowed' },
  'host-header': { type: 'string', value: 'HOST', about: 'Host that the app sees; the one asked for unless told' },
  'tls-ca': { type: 'string', value: 'FILE', about: 'PEM of the CA that has signed for the upstream (https)' },
  'tls-pin': {
    type: 'string',
    value: 'PIN',
    multiple: true,
    about: 'SHA-256 of its key, or a PEM file of its certificate',
  },
  'tls-name': { type: 'string', value: 'HOST', about: 'Name in its certificate, when it is not the upstream host' },
  'tls-min': { type: 'string', value: 'VERSION', about: `At least ${tlsVersions.join(' or ')}` },
  'tls-client-certificate': {
    type: 'string',
    value: 'NAME',
    about: 'What the gateway shows: app-certificates/NAME.pem in its directory',
  },
  'tls-insecure': { type: 'boolean', about: 'Accept any certificate of the upstream; status keeps saying so' },
  'tls-default': { type: 'boolean', about: "Forget all TLS options: the roots of the gateway's system" },
};

/** What the flags say over `base`. Throws `bad-request` with every complaint. */
export function appFromFlags(call: CliCall, base: Partial<App>): App {
  const hosts = options(call, 'host');
  const groups = options(call, 'group');
  const operations = options(call, 'operation').map((text): [string, string] => {
    const [name = '', ...pattern] = text.split('=');
    return [name, pattern.join('=')];
  });
  const kind = chosen(call, 'kind', ['http', 'tcp']) ?? base.kind ?? 'http';
  const id = call.args[0]!;
  refuseMissing(call, kind, base);
  return checkApp(
    given({
      ...base,
      id,
      kind,
      name: option(call, 'name') ?? base.name ?? id,
      site: option(call, 'site') ?? base.site ?? 'main',
      description: option(call, 'description') ?? base.description,
      upstream: option(call, 'upstream') ?? base.upstream,
      groups: groups.length > 0 ? groups : base.groups,
      grantSeconds: numbered(call, 'grant-seconds') ?? base.grantSeconds,
      strict: flag(call, 'strict') ? true : base.strict,
      ...exactOf(call, base),
      ...onceOf(call),
      ...tlsOf(call, base),
      ...(call.values['host-header'] === undefined ? {} : { hostHeader: option(call, 'host-header') }),
      ...(hosts.length === 0 ? {} : kind === 'tcp' ? { host: hosts[0] } : { hosts }),
      ...(call.values['port'] === undefined ? {} : { port: numbered(call, 'port') }),
      ...(operations.length === 0 ? {} : { operations: Object.fromEntries(operations) }),
    }),
  );
}

/** In the words of the command line, before the schema complains in those of the file. */
function refuseMissing(call: CliCall, kind: App['kind'], base: Partial<App>): void {
  if (call.values['file'] !== undefined || base.id !== undefined) return;
  const wanted = kind === 'tcp' ? ['host', 'port', 'upstream'] : ['host', 'upstream'];
  const missing = wanted.filter((name) => [call.values[name] ?? []].flat().length === 0);
  if (missing.length > 0) throw misuse(`this is missing: ${missing.map((name) => `--${name}`).join(', ')}`);
}

function exactOf(call: CliCall, base: Partial<App>): { exactRequest?: boolean | undefined } {
  const [exact, whole] = [flag(call, 'exact-request'), flag(call, 'whole-app')];
  if (exact && whole) throw misuse('--exact-request and --whole-app exclude each other');
  if (whole) return { exactRequest: undefined };
  return exact ? { exactRequest: true } : base.kind === 'http' ? { exactRequest: base.exactRequest } : {};
}

function onceOf(call: CliCall): { once?: readonly string[] | undefined } {
  const once = options(call, 'once');
  if (!flag(call, 'once-none')) return once.length === 0 ? {} : { once };
  if (once.length > 0) throw misuse('--once and --once-none exclude each other');
  return { once: undefined };
}

/** One way to trust takes the place of another; the other TLS options stay. */
function tlsOf(call: CliCall, base: Partial<App>): { tls?: UpstreamTls | undefined } {
  const before: UpstreamTls = (base.kind === 'http' ? base.tls : undefined) ?? {};
  const isDefault = flag(call, 'tls-default');
  const ca = option(call, 'tls-ca');
  const pins = options(call, 'tls-pin').map(readPin);
  const insecure = flag(call, 'tls-insecure');
  const { ca: _, pin: __, insecure: ___, ...others } = isDefault ? ({} as UpstreamTls) : before;
  const isTrustNew = isDefault || ca !== undefined || pins.length > 0 || insecure;
  const tls = given({
    ...(isTrustNew ? others : before),
    ...(ca === undefined ? {} : { ca: readText(ca) }),
    ...(pins.length === 0 ? {} : { pin: pins.length === 1 ? pins[0] : pins }),
    ...(insecure ? { insecure } : {}),
    ...given({
      serverName: option(call, 'tls-name'),
      minVersion: chosen(call, 'tls-min', tlsVersions),
      clientCertificate: option(call, 'tls-client-certificate'),
    }),
  }) as UpstreamTls;
  if (Object.keys(tls).length > 0) return { tls };
  return isDefault ? { tls: undefined } : {};
}

/** Hex as `app check` prints it, or a file with the certificate. */
function readPin(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  const pem = readText(text);
  try {
    return spkiFingerprint(new X509Certificate(pem));
  } catch {
    throw usage(`--tls-pin: ${text} is neither 64 hex digits nor a file with a certificate in PEM`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw usage(`${file} cannot be read: ${(cause as NodeJS.ErrnoException).code}`);
  }
}
