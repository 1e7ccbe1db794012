/** A device's own certificate: renewing it with the same key, and changing the key (P4). */
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import { issuedAnswer } from '../identity/enrol-device.ts';
import type { IdentityParts } from '../identity/identity-parts.ts';
import { rekeyDevice, renewCertificate } from '../identity/renew-certificate.ts';
import type { DeviceCaller } from './authorize-peer.ts';

type DeviceHandlers = Pick<Handlers<typeof agentToController, DeviceCaller>, 'renew' | 'rekey'>;

export function deviceRoutes(parts: IdentityParts): DeviceHandlers {
  return {
    renew: async ({ body, caller }) =>
      issuedAnswer(await renewCertificate(parts, { role: 'device', id: caller.device.id, csr: body.csr })),
    rekey: async ({ body, caller }) =>
      issuedAnswer(await rekeyDevice(parts, { device: caller.device.id, ...body }, caller.origin)),
  };
}
