/** One client over several addresses of the same service: stays with the one that works, goes on to the next when it fails. */
import { asPosternError, PosternError } from '#shared/base/errors.ts';
import type { Contract, RouteShape } from '#shared/contracts/route.ts';
import type { Client } from '#shared/wire/call-contract.ts';

export interface FailoverOptions<C extends Contract> {
  /** `host:port`; asked at every call. */
  readonly addresses: () => readonly string[];
  /** The client for one address; kept. */
  readonly call: (address: string) => Client<C>;
  /** Calls that may be sent twice, besides every GET. */
  readonly repeatable?: readonly (keyof C)[];
  /** After each attempt; without an error when the service answered, be it a refusal. */
  readonly onTried?: (address: string, failure: PosternError | undefined) => void;
}

type AnyCall = (input?: unknown) => Promise<unknown>;

/** Calls reject as those of `callContract`, with the failure of the last address tried. */
export function failover<C extends Contract>(contract: C, options: FailoverOptions<C>): Client<C> {
  const clients = new Map<string, Record<string, AnyCall>>();
  let preferred = '';
  const clientOf = (address: string) => {
    let client = clients.get(address);
    if (client === undefined) {
      client = options.call(address) as unknown as Record<string, AnyCall>;
      clients.set(address, client);
    }
    return client;
  };
  const call = async (name: string, route: RouteShape, input: unknown): Promise<unknown> => {
    const repeatable = route.method === 'GET' || (options.repeatable ?? []).includes(name as keyof C);
    const known = options.addresses();
    const order = known.includes(preferred) ? [preferred, ...known.filter((one) => one !== preferred)] : known;
    let last = new PosternError('unreachable', 'no address of the controller is known');
    for (const address of order) {
      try {
        const answer = await clientOf(address)[name]!(input);
        preferred = address;
        options.onTried?.(address, undefined);
        return answer;
      } catch (thrown) {
        // What is no PosternError is the caller's own abort.
        if (!(thrown instanceof PosternError)) throw thrown;
        last = asPosternError(thrown);
        const isDown = isServiceDown(last);
        options.onTried?.(address, isDown ? last : undefined);
        if (!isDown) preferred = address;
        if (!isDown || !(repeatable || wasNotSent(last))) throw last;
      }
    }
    throw last;
  };
  const client: Record<string, AnyCall> = {};
  for (const [name, route] of Object.entries(contract)) client[name] = (input) => call(name, route, input);
  return client as unknown as Client<C>;
}

/** Another address may do better. A server that is not who it should be counts: nothing was said to it (P1). */
export function isServiceDown({ code }: PosternError): boolean {
  return code === 'unreachable' || code === 'peer-refused';
}

const beforeSending = new Set([
  'NOT_REACHED',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True when no connection came about, so that the call cannot have had an effect. */
function wasNotSent({ code, cause }: PosternError): boolean {
  if (code === 'peer-refused') return true;
  const reason = (cause as { code?: unknown } | undefined)?.code;
  return typeof reason === 'string' && beforeSending.has(reason);
}
