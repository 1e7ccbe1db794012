/** A device's own certificate: renewing it with the same key, and changing the key (P4). */
import { PosternError } from '#shared/base/errors.ts';
import type { agentToController } from '#shared/contracts/agent-to-controller.ts';
import type { Handlers } from '#shared/wire/serve-contract.ts';
import { DeviceBudget } from '../grants/device-budget.ts';
import { issuedAnswer } from '../identity/enrol-device.ts';
import type { IdentityParts } from '../identity/identity-parts.ts';
import { rekeyDevice, renewCertificate } from '../identity/renew-certificate.ts';
import type { DeviceCaller } from './authorize-peer.ts';

type DeviceHandlers = Pick<Handlers<typeof agentToController, DeviceCaller>, 'renew' | 'rekey'>;

export function deviceRoutes(parts: IdentityParts): DeviceHandlers {
  // Each is a signature, a change that all gateways hear of, and of a new key a record: a device needs one in many hours.
  const budget = new DeviceBudget(0.1, 30);
  const pay = ({ device: { id } }: DeviceCaller): void => {
    const retryAfterMs = budget.take(id, parts.clock.now());
    if (retryAfterMs > 0)
      throw new PosternError('over-budget', `device ${id} renews too often`, { extra: { retryAfterMs } });
  };
  return {
    async renew({ body, caller }) {
      pay(caller);
      return issuedAnswer(await renewCertificate(parts, { role: 'device', id: caller.device.id, csr: body.csr }));
    },
    async rekey({ body, caller }) {
      pay(caller);
      return issuedAnswer(await rekeyDevice(parts, { device: caller.device.id, ...body }, caller.origin));
    },
  };
}
