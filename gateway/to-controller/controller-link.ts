/** The mutual connection to whichever controller answers: current certificate, current roots, the next address on failure. */
import type { Dispatcher } from 'undici';
import type { Clock } from '#shared/base/clock.ts';
import { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import type { Reach } from '#shared/wire/doors/reach.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import type { GatewayKeys } from '../keystore/key-files.ts';
import type { Membership } from '../keystore/membership.ts';

export interface LinkParts {
  /** Asked at every new connection. */
  readonly membership: () => Membership;
  readonly keys: GatewayKeys;
  readonly clock: Clock;
  /** Where the controller may hide; by TCP alone unless told. */
  readonly reach?: Reach;
}

export class ControllerLink {
  readonly client: Client<typeof gatewayToController>;
  readonly #parts: LinkParts;
  readonly #dispatcher: Dispatcher;
  #at = 0;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    const { keys, clock, reach } = parts;
    this.#dispatcher = makeDispatcher(
      () => {
        const { certificate, chain, bundle, trustDomain } = parts.membership();
        const own = { key: keys.tls.privateKey, certificate, chain };
        return clientTlsOptions({ ...own, bundle, trustDomain, role: 'controller', clock });
      },
      { reach },
    );
    this.client = callContract(gatewayToController, {
      dispatcher: this.#dispatcher,
      origin: () => `https://${this.address}`,
      // A thousand records take their time on a busy controller.
      timeoutMs: 15_000,
    });
  }

  /** The controller that is asked now. */
  get address(): string {
    const { controllers } = this.#parts.membership();
    return controllers[this.#at % controllers.length]!;
  }

  /** This one did not answer: the next call goes to the next. */
  failOver(): void {
    this.#at += 1;
  }

  async stop(): Promise<void> {
    await this.#dispatcher.destroy();
  }
}
