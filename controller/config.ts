/** What an operator can set. One schema: loading, complaints, variables and docs come from it. */
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { loadConfigOfDir } from '#shared/base/config-of-dir.ts';
import { PosternError } from '#shared/base/errors.ts';
import { logLevels } from '#shared/base/log.ts';
import { address, oneOf, strict } from '#shared/contracts/common.ts';
import { doorModes, hasKernelDoor, hasPrelude, knockSettings, preludePortSetting } from '#shared/contracts/knock.ts';
import { shareSettings } from '#shared/contracts/one-port.ts';
import { openPortComplaints } from '#shared/wire/doors/open-port.ts';
import { shareComplaints } from '#shared/wire/one-port/share-place.ts';

const portOrAny = Type.Integer({ minimum: 0, maximum: 65_535 });

export const controllerConfig = strict({
  dir: Type.String({
    default: '/var/lib/postern-controller',
    description: 'State directory: database, master key, admin socket',
  }),
  listen: strict({
    host: Type.String({ default: '0.0.0.0', description: 'Address to listen on' }),
    mutual: Type.Integer({ ...portOrAny, default: 8443, description: 'Port of the mutual server; 0 takes any' }),
    bootstrap: Type.Integer({ ...portOrAny, default: 8442, description: 'Port of the bootstrap server; 0 takes any' }),
    prelude: preludePortSetting,
  }),
  door: {
    ...oneOf([...doorModes]),
    default: 'none',
    description:
      'What meets strangers on both ports. prelude: silence, but for the knock of an enrolled device, a gateway or an open invitation. kernel: no packet at all before a knock by UDP (Linux, CAP_NET_ADMIN). both: one behind the other, which is recommended',
  },
  knock: knockSettings('controller'),
  share: shareSettings('gateway'),
  addresses: strict({
    mutual: Type.Optional({
      ...address,
      description: 'host:port by which agents and gateways reach the mutual server; host name and port unless told',
    }),
    bootstrap: Type.Optional({ ...address, description: 'host:port of the bootstrap server, as invitations name it' }),
  }),
  admin: strict({
    socket: Type.Optional(Type.String({ description: 'Unix socket of the admin API; admin.sock in dir unless told' })),
  }),
  metrics: strict({
    enabled: Type.Boolean({ default: true, description: 'Serve /metrics and /health' }),
    docs: Type.Boolean({
      default: false,
      description: 'Serve the OpenAPI document and its reader at /docs, on the same port',
    }),
    host: Type.String({ default: '127.0.0.1', description: 'Address of the metrics listener: loopback' }),
    port: Type.Integer({ ...portOrAny, default: 9464, description: 'Port of the metrics listener; 0 takes any' }),
  }),
  services: strict({
    enabled: Type.Boolean({
      default: false,
      description: 'Serve AuthZEN to API clients, on a listener of its own (docs/authzen.md)',
    }),
    host: Type.String({ default: '0.0.0.0', description: 'Address of the services listener' }),
    port: Type.Integer({
      ...portOrAny,
      default: 8446,
      description: 'Port of the services listener, never that of another listener; 0 takes any',
    }),
    address: Type.Optional({
      ...address,
      description: 'host:port by which API clients reach it; host name and port unless told',
    }),
    certificate: Type.Optional(
      Type.String({
        description: "PEM file of its certificate and what leads to its root; the controller's own unless told",
      }),
    ),
    key: Type.Optional(Type.String({ description: 'PEM file of the key of that certificate' })),
    leastTls: {
      ...oneOf(['TLSv1.2', 'TLSv1.3']),
      default: 'TLSv1.3',
      description: 'Least version of TLS; TLSv1.2 for callers that cannot do better',
    },
    perSecond: Type.Integer({
      minimum: 1,
      default: 200,
      description: 'Requests that one API client may send in a second',
    }),
    records: {
      ...oneOf(['none', 'all']),
      default: 'none',
      description: 'Whether evaluations and searches are put on record, beside being counted',
    },
    log: {
      ...oneOf(['none', 'tree', 'entries']),
      default: 'none',
      description:
        'What anybody may read of the log below /log/<number>/: checkpoint and tiles of hashes, or its leaves too (C2SP tlog-tiles)',
    },
  }),
  retention: strict({
    profile: {
      ...oneOf(['none', 'mlps3']),
      default: 'none',
      description:
        'Rules that the organisation must follow. mlps3 (GB/T 22239-2019, level 3): no record goes before 180 days',
    },
    floorDays: Type.Integer({
      minimum: 1,
      maximum: 36_500,
      default: 1,
      description: 'Days that every record stays, whatever an owner sets or orders; a profile may ask for more',
    }),
  }),
  disk: strict({
    reserveBytes: Type.Integer({
      minimum: 0,
      default: 64 * 1024 * 1024,
      description: "Bytes of disk set aside for owners' sign-in, revocation and clean-up; 0 sets nothing aside",
    }),
  }),
  grants: strict({
    perSecond: Type.Integer({ minimum: 1, default: 20, description: 'Grants that one device may ask for in a second' }),
  }),
  log: strict({ level: { ...oneOf([...logLevels]), default: 'info', description: 'Least level that is logged' } }),
});
export type ControllerConfig = Static<typeof controllerConfig>;

export interface ConfigPlace {
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By option name, as the command line gave them. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** Written by `init` into the state directory; read when no file is named. */
export const configName = 'controller.yaml';

const otherVariables = ['POSTERN_MASTER_KEY', 'POSTERN_SOCKET', 'POSTERN_NODE'];

/** Throws `invalid-config` with every complaint at once. */
export function loadControllerConfig({ file, env, overrides = {} }: ConfigPlace): ControllerConfig {
  const own = { name: configName, dirOf: (config: ControllerConfig) => config.dir };
  return checkTogether(loadConfigOfDir(controllerConfig, { file, env, overrides, otherVariables }, own));
}

/** Throws `invalid-config` for options that do not go together. */
function checkTogether(config: ControllerConfig): ControllerConfig {
  const { host: _, ...ports } = config.listen;
  const open = openPortComplaints(ports, hasPrelude(config.door));
  const complaints = [...checkServices(config), ...checkKernelPorts(config), ...open];
  complaints.push(...shareComplaints(config.share, config.listen.prelude, config.door));
  if (complaints.length === 0) return config;
  const list = complaints.map((complaint) => `\n  - ${complaint}`).join('');
  throw new PosternError('invalid-config', `the configuration is not valid:${list}`, { extra: { complaints } });
}

function checkKernelPorts({ door, listen }: ControllerConfig): string[] {
  if (!hasKernelDoor(door)) return [];
  return (['mutual', 'bootstrap'] as const).flatMap((name) =>
    listen[name] === 0 ? [`listen.${name}: a kernel door wants the number of its port`] : [],
  );
}

/** A services listener at a port of another one (P28), or with half a certificate. */
function checkServices({ services, listen, metrics }: ControllerConfig): string[] {
  if (!services.enabled) return [];
  const complaints: string[] = [];
  const taken = {
    'listen.mutual': listen.mutual,
    'listen.bootstrap': listen.bootstrap,
    'listen.prelude': listen.prelude,
    'metrics.port': metrics.port,
  };
  for (const [name, port] of Object.entries(taken))
    if (services.port !== 0 && services.port === port)
      complaints.push(`services.port: is the port of ${name}; the services listener has one of its own`);
  if ((services.certificate === undefined) !== (services.key === undefined))
    complaints.push('services.certificate and services.key: set both, or neither');
  return complaints;
}

/** The shortest limit of the systems we run on (macOS), with its ending zero. */
const longestSocket = 103;

/** Throws `invalid-config` for a path that no system could listen on: its own message would not say why. */
export function adminSocketOf(config: ControllerConfig): string {
  const path = config.admin.socket ?? join(config.dir, 'admin.sock');
  if (Buffer.byteLength(path) <= longestSocket) return path;
  throw new PosternError('invalid-config', `the path of the admin socket is too long, set admin.socket: ${path}`);
}
