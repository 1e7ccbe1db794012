/** The record of an administrative act, in the transaction of the act: no record, no change. */

import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { RecordEvent } from '#shared/contracts/record-events.ts';
import type { Contract, RouteShape } from '#shared/contracts/route.ts';
import { appendRecord } from '../log/append-record.ts';
import type { Db } from '../store/open-store.ts';
import type { AdminCaller } from './admin-parts.ts';

/** One of what administrators do; `kind` is `admin` unless told. */
export type AdminAct = ActOf & (Happened<'admin'> | ({ readonly kind: 'admin' } & Happened<'admin'>) | OfKind<Other>);
type Other = 'device' | 'factor' | 'log' | 'policy' | 'revocation' | 'sign-in';
type OfKind<K extends Other> = { [One in K]: { readonly kind: One } & Happened<One> }[K];
interface Happened<K extends Other | 'admin'> {
  readonly event: RecordEvent<K>;
}

interface ActOf {
  readonly kind?: 'admin' | Other;
  readonly person?: string;
  readonly device?: string;
  readonly app?: string;
  readonly gateway?: string;
  readonly because?: string | undefined;
  /** Without secrets. */
  readonly before?: unknown;
  readonly after?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** How a record says who acted. */
export function asAdmin({ actor, standing, because, trace }: AdminCaller) {
  return {
    trace,
    actor,
    verdict: 'allow' as const,
    reasons: [standing === 'shell' ? ('owner-shell' as const) : ('role-allows' as const)],
    ...(because === undefined ? {} : { because }),
  };
}

export async function recordAdmin(db: Db, at: number, caller: AdminCaller, act: AdminAct): Promise<void> {
  const { event, kind = 'admin', person, device, app, gateway, before, after, details } = act;
  const told = {
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...details,
  };
  await appendRecord(db, at, {
    ...({ kind, event } as { kind: 'admin'; event: RecordEvent<'admin'> }),
    ...asAdmin(caller),
    ...(act.because === undefined ? {} : { because: act.because }),
    ...(person === undefined ? {} : { person }),
    ...(device === undefined ? {} : { device }),
    ...(app === undefined ? {} : { app }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(Object.keys(told).length === 0 ? {} : { details: told }),
  });
}

/** What somebody tried and may not do is what an auditor looks for first. `on`: the person or thing it was about. */
export async function recordWrongRole(
  db: Db,
  at: number,
  { actor, person, role, because, trace }: Omit<AdminCaller, 'standing'>,
  route: RouteShape,
  on?: string,
): Promise<void> {
  await appendRecord(db, at, {
    kind: 'admin',
    verdict: 'deny',
    reasons: ['wrong-role'],
    actor,
    ...(person === undefined ? {} : { person }),
    ...(because === undefined ? {} : { because }),
    trace,
    event: 'refused',
    details: { call: `${route.method} ${route.path}`, role, ...(on === undefined ? {} : { on }) },
  });
}

interface AnyCall {
  readonly caller: AdminCaller;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly body?: Readonly<Record<string, unknown>> | undefined;
}

const maxSubject = 64;
const subjectNames = ['id', 'name', 'person', 'device', 'app', 'kind'] as const;

/** Whom or what a call is about, out of its parameters or its body, as it was sent: nothing of what is refused was checked yet. */
export function subjectOf(...parts: readonly unknown[]): string | undefined {
  for (const part of parts) {
    if (typeof part !== 'object' || part === null) continue;
    const named = subjectNames.map((name) => (Object.hasOwn(part, name) ? Reflect.get(part, name) : undefined));
    const subject = named.find((one) => typeof one === 'string' && one !== '');
    if (subject !== undefined) return String(subject).slice(0, maxSubject);
  }
  return undefined;
}

/**
 * Handlers whose refusals for want of a role over somebody (P5) are recorded too, after the transaction that they ended: what
 * it had written is gone with it.
 */
export function recordRefusals<H extends object>(
  { db, clock }: { readonly db: Db; readonly clock: Clock },
  contract: Contract,
  handlers: H,
): H {
  const wrapped = Object.entries(handlers).map(([name, handle]) => {
    const run = async (call: AnyCall): Promise<unknown> => {
      try {
        return await (handle as (call: AnyCall) => unknown)(call);
      } catch (error) {
        const { caller, params, body } = call;
        // The shell ranks above everybody: what is refused to it is somebody's sign-in, which has a record of its own.
        if (error instanceof PosternError && error.code === 'role-needed' && caller.person !== undefined) {
          await recordWrongRole(db, clock.now(), caller, contract[name]!, subjectOf(params, body));
        }
        throw error;
      }
    };
    return [name, run] as const;
  });
  return Object.fromEntries(wrapped) as H;
}

/** For orders of the identity functions, which write their own records. */
export function because(caller: AdminCaller, given?: string): { because?: string } {
  const reason = given ?? caller.because;
  return reason === undefined ? {} : { because: reason };
}
