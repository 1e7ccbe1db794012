/** The two local APIs that the quickstart drives, as a person would by `posternctl` and `postern`. */

import { adminContract, reasonHeader } from '#shared/contracts/admin-to-controller.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import { makeUnixDispatcher } from '#shared/wire/make-dispatcher.ts';
import { agentControl } from '../../client-agent/control/control-contract.ts';

export type AdminClient = Client<typeof adminContract>;
export type AgentClient = Client<typeof agentControl>;

const origin = 'http://localhost';

/** As the owner at the shell; `reason` is recorded with every change. */
export function adminClient(socket: string, reason: string): AdminClient {
  const headers = () => ({ [reasonHeader]: reason });
  return callContract(adminContract, { dispatcher: makeUnixDispatcher(socket), origin, headers, timeoutMs: 20_000 });
}

export function agentClient(socket: string): AgentClient {
  return callContract(agentControl, { dispatcher: makeUnixDispatcher(socket), origin, timeoutMs: 20_000 });
}

/** Asks until it works: for what is being started. Throws the last failure after `patienceMs`, or one that will not pass. */
export async function untilItWorks<T>(
  ask: () => Promise<T>,
  patienceMs = 20_000,
  mayPass: (error: unknown) => boolean = () => true,
): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > end || !mayPass(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
