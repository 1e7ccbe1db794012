/** What an app is, as admins write it and as gateways receive it. */
import { type Static, Type } from 'typebox';
import { appId, hostName, oneOf, port, shortText, slug, strict, text } from './common.ts';

/** `POST /reports/* /export` without the space: method, path with `*` for one segment and a final `**` for the rest (P9). */
export const operationPattern = Type.String({ pattern: '^[A-Z*]+ /[^\\s?#]*$', maxLength: 512 });
const operationName = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' });
export const operations = Type.Record(operationName, operationPattern);

/** The longest that a timer of the system takes, 24 days: a longer one would end at once. */
const longestMs = 2 ** 31 - 1;

export const appLimits = strict({
  /** Bytes; 0 means no limit. */
  maxBodyBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  requestsPerSecond: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Requests and streams at the same time, per device. */
  concurrentPerDevice: Type.Optional(Type.Integer({ minimum: 1 })),
  connectMs: Type.Optional(Type.Integer({ minimum: 1, maximum: longestMs })),
  firstByteMs: Type.Optional(Type.Integer({ minimum: 1, maximum: longestMs })),
  /** Silence in both directions after which a stream ends; 0 means never. */
  idleMs: Type.Optional(Type.Integer({ minimum: 0, maximum: longestMs })),
});

const keyPin = Type.String({ pattern: '^[0-9a-f]{64}$' });
/** At least this is spoken; older ones than 1.2 are not offered. */
export const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const;

/** How a gateway knows an HTTPS upstream. At most one of `ca`, `pin` and `insecure`; the system's roots when there is none. */
export const upstreamTls = strict({
  /** PEM bundle that the upstream's certificate must chain to. */
  ca: Type.Optional(text(65_536)),
  /** The name that its certificate must have and that it is greeted with, when it is not the host of `upstream`. */
  serverName: Type.Optional(hostName),
  /** SHA-256 of the upstream's SPKI, hex: accepted instead of a chain, whatever name it has. Several while keys change. */
  pin: Type.Optional(Type.Union([keyPin, Type.Array(keyPin, { minItems: 1, maxItems: 4 })])),
  minVersion: Type.Optional(oneOf([...tlsVersions])),
  /** Name of the certificate that the gateway shows to the app: `app-certificates/<name>.pem` in the gateway's directory. */
  clientCertificate: Type.Optional(slug),
  /** Any certificate is accepted: whoever stands between gateway and app can read and change everything. */
  insecure: Type.Optional(Type.Literal(true)),
});
export type UpstreamTls = Static<typeof upstreamTls>;

export const pinsOf = ({ pin = [] }: UpstreamTls): readonly string[] => (typeof pin === 'string' ? [pin] : pin);

const commonApp = {
  id: appId,
  name: shortText,
  site: slug,
  description: Type.Optional(text(500)),
  groups: Type.Optional(Type.Array(slug, { maxItems: 16 })),
  /** Seconds; 60 unless told. */
  grantSeconds: Type.Optional(Type.Integer({ minimum: 5, maximum: 300 })),
  /** A strict app is refused by a gateway that has lost its controller for 15 s. */
  strict: Type.Optional(Type.Boolean()),
  limits: Type.Optional(appLimits),
};

export const httpApp = strict({
  ...commonApp,
  kind: Type.Literal('http'),
  hosts: Type.Array(hostName, { minItems: 1, maxItems: 16 }),
  /** `http://` or `https://` with host and port and nothing more. */
  upstream: Type.String({ pattern: '^https?://[^/?#@\\s]+$', maxLength: 300 }),
  tls: Type.Optional(upstreamTls),
  operations: Type.Optional(operations),
  /** Names of `operations` that are granted request by request, each for one use (P18). */
  once: Type.Optional(Type.Array(operationName, { minItems: 1, maxItems: 64 })),
  /** Granted request by request, where policies leave too much open for one grant of the whole app (P11). */
  exactRequest: Type.Optional(Type.Boolean()),
  /** Origins that may make cross-site requests (P22), as browsers write them: lower case, without a path or a usual port. */
  allowOrigins: Type.Optional(
    Type.Array(Type.String({ pattern: '^[a-z][a-z0-9+.-]*://[a-z0-9._:\\[\\]-]+$', maxLength: 300 }), { maxItems: 32 }),
  ),
  crossSite: Type.Optional(oneOf(['refuse', 'allow'])),
  /** Spellings that P9 refuses and this app needs. */
  allowSpellings: Type.Optional(
    Type.Array(oneOf(['encoded-slash', 'double-slash', 'semicolon', 'backslash', 'dot-segments']), { maxItems: 5 }),
  ),
  /** Plain headers made from the identity, for apps that read no JWT: header name to claim. */
  identityHeaders: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]{0,63}$' }),
      oneOf(['person', 'name', 'groups', 'device']),
    ),
  ),
  /** What the app sees as Host: its first host, unless told. */
  hostHeader: Type.Optional(hostName),
});
export type HttpApp = Static<typeof httpApp>;

export const tcpApp = strict({ ...commonApp, kind: Type.Literal('tcp'), host: hostName, port, upstream: text(300) });
export type TcpApp = Static<typeof tcpApp>;

export const app = Type.Union([httpApp, tcpApp]);
export type App = HttpApp | TcpApp;
