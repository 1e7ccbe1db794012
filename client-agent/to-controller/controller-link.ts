/** The mutual connections to the controller (edge 1), with the device's certificate and, once signed in, the session. */
import type { Agent } from 'undici';
import { asPosternError, type ErrorCode, PosternError } from '#shared/base/errors.ts';
import type { Log } from '#shared/base/log.ts';
import { agentToController } from '#shared/contracts/agent-to-controller.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import type { Contract } from '#shared/contracts/route.ts';
import { type Client, callContract } from '#shared/wire/call-contract.ts';
import type { Reach } from '#shared/wire/doors/reach.ts';
import { type DispatcherOptions, makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import type { CallSeen } from '../diagnosis/evidence.ts';
import type { Keystore } from '../keystore/keystore.ts';
import type { ControllerTime } from './controller-time.ts';
import { failover, isServiceDown } from './failover.ts';

export interface LinkOptions {
  readonly keystore: Keystore;
  readonly time: ControllerTime;
  readonly log: Log;
  /** The session's secret, asked at every call. */
  readonly session: () => string | undefined;
  readonly onChange: () => void;
  /** Resolves when no change of the key is under way. */
  readonly keySettled?: () => Promise<unknown>;
  /** Where the controller may hide; by TCP alone unless told. */
  readonly reach?: Reach | undefined;
}

const connections = 4;

export class ControllerLink {
  readonly calls: Client<typeof agentToController>;
  readonly me: Client<typeof myAccount>;
  readonly #options: LinkOptions;
  #dispatcher: Agent;
  #reachable: boolean | undefined;
  #failure: ErrorCode | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#dispatcher = this.#makeDispatcher();
    // Asking for a grant or a certificate twice does no harm; a one-time code or a numbered report would be spent.
    this.calls = this.#client(agentToController, ['grants', 'renew', 'signOut']);
    this.me = this.#client(myAccount, []);
  }

  get reachable(): boolean | undefined {
    return this.#reachable;
  }

  get failure(): ErrorCode | undefined {
    return this.#failure;
  }

  /** Controller's time minus the device's in ms, as last heard; for information only (P19). */
  get clockOffsetMs(): number | undefined {
    return this.#options.time.offsetMs;
  }

  /** To be told of every controller time that comes along. */
  heardTime(time: number): void {
    this.#options.time.heard(time);
  }

  /** New connections from now on: after a change of key or certificate, and after sleep, when the old ones are dead. */
  reconnect(): void {
    const old = this.#dispatcher;
    this.#dispatcher = this.#makeDispatcher();
    void old.close();
  }

  /** One call over a connection of its own: what waits in the pool, and what it waits for, is not in its way. Never rejects. */
  async tryAt(address: string, timeoutMs: number): Promise<CallSeen> {
    const dispatcher = this.#makeDispatcher({ connections: 1, connectTimeoutMs: timeoutMs * 0.9 });
    try {
      const client = callContract(agentToController, { dispatcher, origin: `https://${address}` });
      const { time } = await client.device({ timeoutMs });
      this.heardTime(time);
      this.#note(true, undefined);
      return { ok: true, time };
    } catch (thrown) {
      const error = asPosternError(thrown);
      if (!isServiceDown(error)) this.#note(true, undefined);
      return { ok: false, error };
    } finally {
      void dispatcher.destroy();
    }
  }

  async stop(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  #makeDispatcher(options: DispatcherOptions = { connections }): Agent {
    const { keystore, time: clock, reach } = this.#options;
    const tls = () => {
      const { bundle, trustDomain } = keystore.enrolment;
      return clientTlsOptions({ ...keystore.own(), bundle, trustDomain, role: 'controller', clock });
    };
    return makeDispatcher(tls, { ...options, reach });
  }

  #client<C extends Contract>(contract: C, repeatable: readonly (keyof C)[]): Client<C> {
    const { keystore, session } = this.#options;
    const headers = (): Record<string, string> => {
      const secret = session();
      return secret === undefined ? {} : { authorization: `Postern-Session ${secret}` };
    };
    const dispatcher = () => this.#dispatcher;
    const client = failover(contract, {
      addresses: () => keystore.enrolment.controllers,
      repeatable,
      call: (address) =>
        callContract(contract, {
          get dispatcher() {
            return dispatcher();
          },
          origin: `https://${address}`,
          headers,
        }),
      onTried: (address, failure) => {
        if (failure !== undefined) {
          this.#options.log.warn(
            { address, problem: failure.code, why: failure.message },
            'a controller does not answer',
          );
        }
        this.#note(failure === undefined, failure?.code);
      },
    });
    return this.#acrossKeyChange(client);
  }

  /**
   * A call that was on its way while the key was changed comes with a key that is no longer the device's: it is refused before
   * anything is done, and is sent once more under the new one. Not what is about the key itself.
   */
  #acrossKeyChange<C extends Contract>(client: Client<C>): Client<C> {
    const { keystore, keySettled = async () => {} } = this.#options;
    const calls = Object.entries(client).map(([name, call]) => {
      if (name === 'renew' || name === 'rekey') return [name, call];
      const again = async (input: unknown) => {
        const before = keystore.jkt;
        try {
          return await call(input as never);
        } catch (thrown) {
          if (!(thrown instanceof PosternError) || thrown.code !== 'certificate-refused') throw thrown;
          await keySettled();
          if (keystore.jkt === before) throw thrown;
          return call(input as never);
        }
      };
      return [name, again];
    });
    return Object.fromEntries(calls) as Client<C>;
  }

  #note(reachable: boolean, failure: ErrorCode | undefined): void {
    const changed = reachable !== this.#reachable;
    this.#reachable = reachable;
    this.#failure = failure;
    if (changed) this.#options.onChange();
  }
}

/** One quick attempt at each address, at once. */
export async function attemptAll(link: ControllerLink, addresses: readonly string[], timeoutMs: number): Promise<void> {
  await Promise.all(addresses.map((address) => link.tryAt(address, timeoutMs)));
}
