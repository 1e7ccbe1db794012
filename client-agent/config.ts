/** The agent's options; `loadConfig` reads them from defaults, a YAML file, `POSTERN_*` variables and the command line. */
import { type Static, Type } from 'typebox';
import { proxySetting } from '#shared/base/proxy-setting.ts';
import { address, hostName, port, strict } from '#shared/contracts/common.ts';

const portOrOff = (description: string, usual: number) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: usual, description: `${description}; 0 turns it off` });

export const agentConfig = strict({
  profile: Type.String({
    pattern: '^[a-z0-9][a-z0-9._-]{0,62}$',
    default: 'default',
    description: 'Name of the profile: one person of one organisation, with a keystore and ports of its own',
  }),
  dir: Type.Optional(
    Type.String({ minLength: 1, description: 'Directory of the profile, instead of the one named after it' }),
  ),
  logLevel: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
    default: 'info',
    description: 'Least level that is logged on standard error',
  }),
  proxy: proxySetting,
  local: strict({
    portal: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: 7070,
      description:
        'Loopback port of the portal, of the HTTP apps (`http://<app>.localhost:<port>`) and of the HTTP proxy with its PAC file; 0 takes any',
    }),
    socks: portOrOff('Loopback port of the SOCKS5 proxy', 7080),
    tcp: Type.Record(Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' }), port, {
      default: {},
      description: 'Loopback ports of TCP apps, by the id of the app',
    }),
    clientAddresses: Type.Array(Type.String({ minLength: 2, maxLength: 64 }), {
      maxItems: 8,
      default: [],
      description:
        'IP addresses of this machine besides loopback (the bridge of a container network: 172.17.0.1) at which HTTP proxy and SOCKS5 serve programs with a password of `postern client add`, at the ports above; nobody else is served there',
    }),
    dns: strict({
      zones: Type.Array(hostName, {
        maxItems: 8,
        default: [],
        description:
          'DNS zones in which names of apps are answered on this device, and nothing else is there for it (`sdp.example.com`); none turns the DNS server off',
      }),
      address: Type.String({
        pattern: '^127\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}$',
        default: '127.0.0.1',
        description: 'Loopback address of the DNS server',
      }),
      port: Type.Integer({
        minimum: 0,
        maximum: 65_535,
        default: 7053,
        description: 'Port of the DNS server, UDP and TCP; 0 takes any',
      }),
      forwardTo: Type.Array(address, {
        maxItems: 4,
        default: [],
        description:
          'DNS servers (`192.0.2.1:53`) that names outside the zones are asked of; none: they are refused, as a system that splits by zone wants it',
      }),
    }),
    realNames: Type.Boolean({
      default: false,
      description:
        'Serve apps at their real names in the DNS zones: loopback addresses of their own, 80 and 443 (TLS by an issuer of this device, see `postern trust`) and the ports of TCP apps; needs CAP_NET_BIND_SERVICE',
    }),
    trustLoopback: Type.Boolean({
      default: false,
      description:
        'Development only: serve local connections on a system that cannot tell whose they are (every user of the machine can then act as this person)',
    }),
  }),
  posture: strict({
    factsFile: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Development only: a JSON file whose facts stand in for measured ones (say so before you rely on it)',
      }),
    ),
    lookSeconds: Type.Integer({
      minimum: 1,
      maximum: 3600,
      default: 10,
      description: 'Seconds between two looks at the facts that are quick to tell; a change is reported at once',
    }),
    allowListFile: Type.String({
      minLength: 1,
      default: '/etc/postern/posture-commands.json',
      description: 'Root-owned list of the commands that checks of the organisation may run on this device (P31)',
    }),
  }),
});
export type AgentConfig = Static<typeof agentConfig>;
