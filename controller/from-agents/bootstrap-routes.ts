/** The few calls made before there is a valid certificate (P3). No caller is known here: everything is a stranger's. */
import { PosternError } from '#shared/base/errors.ts';
import type { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import type { gatewayBootstrap } from '#shared/contracts/gateway-to-controller.ts';
import { type FrontDoor, tellDoor } from '#shared/contracts/knock.ts';
import { oldestAgentVersion, oldestGatewayVersion, protocolVersion } from '#shared/contracts/protocol-version.ts';
import { formatNoteKey } from '#shared/log/note-key.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import type { KnockSecrets } from '../authority/knock-secrets.ts';
import { readLogKey } from '../authority/log-keys.ts';
import { enrolDevice, issuedAnswer } from '../identity/enrol-device.ts';
import type { IdentityParts, Origin } from '../identity/identity-parts.ts';
import { joinGateway } from '../identity/join-gateway.ts';
import { deviceOwner, gatewayOwner } from '../identity/knock-owners.ts';
import { openExpiredRenewal } from '../identity/renew-expired.ts';

export interface BootstrapParts extends IdentityParts {
  /** Mutual servers, `host:port`, that agents and gateways are told of. */
  readonly controllers: () => string[];
  readonly door: TellDoor;
}

export interface TellDoor {
  /** What newcomers are told of the door, as it is now. */
  readonly told: () => FrontDoor;
  readonly secrets: Pick<KnockSecrets, 'of'>;
  /** Resolves when who was just let in may knock. */
  readonly admitted: () => Promise<void>;
}

export interface BootstrapHandlers {
  readonly agents: Handlers<typeof agentBootstrap, Origin>;
  readonly gateways: Handlers<typeof gatewayBootstrap, Origin>;
}

export function bootstrapRoutes(parts: BootstrapParts): BootstrapHandlers {
  const { authority, clock, controllers, door } = parts;
  const knockOf = async (owner: string) => {
    await door.admitted();
    return { secret: door.secrets.of(owner), ...tellDoor(door.told()) };
  };
  const expired = openExpiredRenewal(parts);
  const agents: BootstrapHandlers['agents'] = {
    meta: () => ({
      protocol: protocolVersion,
      oldestAgent: oldestAgentVersion,
      trustDomain: authority.trustDomain,
      bundle: authority.bundle(),
      controllers: controllers(),
      time: clock.now(),
    }),
    async enrol({ body, caller }) {
      requireVersion(body.version, oldestAgentVersion);
      const enrolled = await enrolDevice(parts, body, caller);
      const knock = await knockOf(deviceOwner(enrolled.device));
      return { ...enrolled, knock, controllers: controllers(), time: clock.now() };
    },
    renewalNonce: ({ body }) => ({ nonce: expired.issueNonce(body) }),
    renewExpired: async ({ body, caller }) => issuedAnswer(await expired.renew(body, caller)),
  };
  const gateways: BootstrapHandlers['gateways'] = {
    async join({ body, caller }) {
      requireVersion(body.version, oldestGatewayVersion);
      const { jkt, ...joined } = await joinGateway(parts, body, caller);
      const knock = await knockOf(gatewayOwner(joined.gateway, jkt));
      const logKey = formatNoteKey(await readLogKey(parts.store.db));
      return { ...joined, knock, logKey, controllers: controllers(), time: clock.now() };
    },
  };
  return { agents, gateways };
}

function requireVersion(version: number, oldest: number): void {
  if (version >= oldest && version <= protocolVersion) return;
  throw new PosternError('version-unsupported', `version ${version} is not spoken here`);
}
