/**
 * The way back in as one act (P6): an owner in service, a policy that lets them use something, and an invitation for a new device.
 * One transaction: whole or not at all.
 */
import { PosternError } from '#shared/base/errors.ts';
import type { AdminCaller, AdminParts } from '../from-admins/admin-parts.ts';
import { recordAdmin } from '../from-admins/record-admin.ts';
import { createInvitation } from '../identity/invitations.ts';
import { mayManage } from '../identity/may-manage.ts';
import { setPersonState } from '../identity/person-state.ts';
import { judgeDraft } from '../policy/judge-draft.ts';
import { findWayIn, type WayIn } from '../publishing/find-way-in.ts';
import { loadKnown } from '../publishing/load-known.ts';
import { type StoredVersion, storeVersion } from '../publishing/store-version.ts';
import { readVersion } from '../publishing/version-files.ts';
import type { Trx } from '../store/open-store.ts';

export interface RecoverOrder {
  readonly person?: string | undefined;
  readonly epoch?: number | undefined;
}

export interface Recovered {
  readonly person: string;
  readonly lifted: boolean;
  readonly sameAs: number | undefined;
  readonly stored: StoredVersion | undefined;
  /** Id of the invitation. */
  readonly invitation: string;
  readonly code: string;
  readonly endsAt: number;
  readonly hasFactors: boolean;
}

const hours = 24;

/**
 * Throws `not-found` for a person or version that is not there, `conflict` for one who is no owner or when no version lets them in,
 * `role-needed` for everybody but the shell: an owner who is signed in needs no way in, and gets none into another one's account (P5).
 */
export async function recover(
  trx: Trx,
  at: number,
  parts: Pick<AdminParts, 'policy' | 'settings' | 'decider'>,
  { person: asked, epoch, caller }: RecoverOrder & { readonly caller: AdminCaller },
): Promise<Recovered> {
  const owner = await findOwner(trx, asked);
  const { actor, because, trace } = caller;
  if (!mayManage(caller.standing, 'owner')) {
    const tell = "An owner's way back in is from the shell of the controller's host: posternctl recover --shell.";
    throw new PosternError('role-needed', `${actor} may not recover ${owner.id}, who is an owner`, { tell });
  }
  const lifted = owner.state === 'suspended';
  if (lifted) {
    const why = because === undefined ? {} : { because };
    await setPersonState(trx, at, { id: owner.id, state: 'active', actor, ...why });
  }
  const version = await chooseVersion(trx, at, parts, { person: owner.id, epoch });
  const stored =
    version === undefined
      ? undefined
      : await storeVersion(trx, at, parts, {
          judged: judgeDraft(version, await loadKnown(trx)),
          testsMayFail: true,
          evenIfItLocksOut: true,
          message: `recovered: back to version ${version.epoch}`,
          actor,
          because,
          trace,
          rollbackTo: version.epoch,
        });
  const order = { kind: 'device', subject: owner.id, createdBy: actor, hours } as const;
  const { id: invitation, code, endsAt } = await createInvitation(trx, at, order);
  const sameAs = version?.epoch;
  const details = { invitation, lifted, ...(sameAs === undefined ? {} : { sameAs, epoch: stored?.set.epoch }) };
  await recordAdmin(trx, at, caller, { event: 'recovered', person: owner.id, details });
  const factor = await trx.selectFrom('factors').select('id').where('person_id', '=', owner.id).executeTakeFirst();
  const hasFactors = factor !== undefined || owner.had_factors === 0;
  return { person: owner.id, lifted, sameAs, stored, invitation, code, endsAt, hasFactors };
}

async function findOwner(trx: Trx, asked: string | undefined) {
  const owners = await trx
    .selectFrom('people')
    .select(['id', 'state', 'had_factors'])
    .where('role', '=', 'owner')
    .where('state', '!=', 'gone')
    .orderBy('id')
    .execute();
  const [only, ...more] = owners;
  if (asked === undefined && only !== undefined && more.length === 0) return only;
  const found = owners.find(({ id }) => id === asked);
  if (found !== undefined) return found;
  const names = owners.map(({ id }) => id).join(', ') || 'nobody';
  if (asked === undefined) throw refuse('conflict', `Say which owner: ${names}.`);
  const person = await trx.selectFrom('people').select('role').where('id', '=', asked).executeTakeFirst();
  if (person === undefined) throw refuse('not-found', `There is no person ${asked}. Owners: ${names}.`);
  throw refuse('conflict', `${asked} is ${person.role}, not an owner. Owners: ${names}.`);
}

/** Undefined: what is in force stays. */
async function chooseVersion(
  trx: Trx,
  at: number,
  { policy, settings }: Pick<AdminParts, 'policy' | 'settings'>,
  { person, epoch }: { readonly person: string; readonly epoch: number | undefined },
): Promise<WayIn | undefined> {
  if (epoch === 0) return undefined;
  if (epoch !== undefined) {
    const versions = trx.selectFrom('policy_versions').select(['files', 'tests']);
    const row = await versions.where('epoch', '=', epoch).executeTakeFirst();
    if (row === undefined) throw refuse('not-found', `There is no policy version ${epoch}.`);
    return { epoch, ...readVersion(row) };
  }
  const found = await findWayIn(trx, policy.current(), { person, timezone: settings.timezone, at });
  if (found === 'in-force') return undefined;
  if (found !== undefined) return found;
  throw refuse(
    'conflict',
    `No policy version lets ${person} use an app. Name one (--policy N), or --policy keep and publish another after.`,
  );
}

function refuse(code: 'conflict' | 'not-found', tell: string): PosternError {
  return new PosternError(code, undefined, { tell });
}
