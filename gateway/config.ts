/** What an operator can set. One schema: loading, complaints, variables and docs come from it. */
import { type Static, Type } from 'typebox';
import { PosternError } from '#shared/base/errors.ts';
import { logLevels } from '#shared/base/log.ts';
import { proxySetting } from '#shared/base/proxy-setting.ts';
import { oneOf, strict } from '#shared/contracts/common.ts';
import { doorModes, hasKernelDoor, hasPrelude, knockSettings, preludePortSetting } from '#shared/contracts/knock.ts';
import { shareSettings } from '#shared/contracts/one-port.ts';
import { openPortComplaints } from '#shared/wire/doors/open-port.ts';
import { shareComplaints } from '#shared/wire/one-port/share-place.ts';

const portOrAny = Type.Integer({ minimum: 0, maximum: 65_535 });

export const gatewayConfig = strict({
  dir: Type.String({
    default: '/var/lib/postern-gateway',
    description: 'State directory: keys, membership, spool of records',
  }),
  listen: strict({
    host: Type.String({ default: '0.0.0.0', description: 'Address on which agents are served' }),
    port: Type.Integer({ ...portOrAny, default: 8444, description: 'Port on which agents are served; 0 takes any' }),
    prelude: preludePortSetting,
  }),
  door: {
    ...oneOf([...doorModes]),
    default: 'none',
    description:
      'What meets strangers on the port for agents. prelude: silence, but for the knock of a signed-in device. kernel: no packet at all before a knock by UDP (Linux, CAP_NET_ADMIN). both: one behind the other, which is recommended',
  },
  knock: knockSettings('gateway'),
  share: shareSettings('controller'),
  proxy: proxySetting,
  workers: Type.Integer({
    minimum: -1,
    maximum: 256,
    default: -1,
    description: 'Worker processes that carry traffic: -1 for one per core; 0 does everything in one process',
  }),
  workerConfirmMs: Type.Integer({
    minimum: 50,
    maximum: 60_000,
    default: 500,
    description: 'Milliseconds in which a worker must confirm a change before it is killed and replaced',
  }),
  keySets: strict({
    enabled: Type.Boolean({ default: true, description: 'Serve the key sets of Postern-Identity to apps' }),
    host: Type.String({ default: '127.0.0.1', description: 'Address of the listener for apps' }),
    port: Type.Integer({ ...portOrAny, default: 8445, description: 'Port of the listener for apps; 0 takes any' }),
  }),
  metrics: strict({
    enabled: Type.Boolean({ default: true, description: 'Serve /metrics and /health' }),
    host: Type.String({ default: '127.0.0.1', description: 'Address of the metrics listener: loopback' }),
    port: Type.Integer({ ...portOrAny, default: 9465, description: 'Port of the metrics listener; 0 takes any' }),
  }),
  spool: strict({
    maxBytes: Type.Integer({
      minimum: 1024 * 1024,
      default: 1024 * 1024 * 1024,
      description: 'Bytes of records kept while the controller is away; when they are used up access is refused',
    }),
    reserveBytes: Type.Integer({
      minimum: 0,
      default: 64 * 1024 * 1024,
      description:
        'Bytes of disk that stay free: with less access is refused, so that what runs can still be ended and told',
    }),
  }),
  log: strict({ level: { ...oneOf([...logLevels]), default: 'info', description: 'Least level that is logged' } }),
});
export type GatewayConfig = Static<typeof gatewayConfig>;

/** Throws `invalid-config` for a kernel door in front of a port that is not known before, and for ports that do not go together. */
export function checkDoorPorts({ door, listen, share }: GatewayConfig): void {
  const { host: _, ...ports } = listen;
  const isUnknown = hasKernelDoor(door) && listen.port === 0;
  const complaints = [
    ...(isUnknown ? ['listen.port: a kernel door wants the number of its port'] : []),
    ...openPortComplaints(ports, hasPrelude(door)),
    ...shareComplaints(share, listen.prelude, door),
  ];
  if (complaints.length === 0) return;
  const list = complaints.map((complaint) => `\n  - ${complaint}`).join('');
  throw new PosternError('invalid-config', `the configuration is not valid:${list}`, { extra: { complaints } });
}
