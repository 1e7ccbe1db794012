/** The few calls before there is a valid certificate (P3): the server is verified against the bundle, we are nobody yet. */
import type { Agent } from 'undici';
import type { Clock } from '#shared/base/clock.ts';
import { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import type { Reach } from '#shared/wire/doors/reach.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import { failover } from './failover.ts';

export interface BootstrapPlace {
  /** `host:port`, tried in this order. */
  readonly addresses: readonly string[];
  /** The roots, as PEM. */
  readonly bundle: readonly string[];
  readonly trustDomain: string;
  readonly clock: Clock;
  /** Where the controller may hide; by TCP alone unless told. */
  readonly reach?: Reach | undefined;
}

/** Runs `use` with a client and closes its connections after. */
export async function withBootstrap<T>(
  { addresses, bundle, trustDomain, clock, reach }: BootstrapPlace,
  use: (client: Client<typeof agentBootstrap>) => Promise<T>,
): Promise<T> {
  const tls = () => clientTlsOptions({ bundle, trustDomain, role: 'controller', clock });
  const dispatcher: Agent = makeDispatcher(tls, { connections: 1, reach });
  try {
    const call = (address: string) => callContract(agentBootstrap, { dispatcher, origin: `https://${address}` });
    return await use(failover(agentBootstrap, { addresses: () => addresses, call }));
  } finally {
    await dispatcher.destroy();
  }
}
