/**
 * The first start in an empty state directory: database, master key, CA, signing keys, one site, and the first owner with
 * an invitation. Whole or not at all: everything in the store is one transaction.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import { slugPattern } from '#shared/base/known-patterns.ts';
import type { FrontDoor } from '#shared/contracts/knock.ts';
import type { Sealer } from '#shared/crypto/seal.ts';
import { isTrustDomain } from '#shared/crypto/spiffe.ts';
import { addFirstAuthorities, readBundle } from './authority/certificate-authorities.ts';
import { type KnockSecrets, openKnockSecrets } from './authority/knock-secrets.ts';
import { openSealer } from './authority/master-key.ts';
import { addSigningKey } from './authority/signing-keys.ts';
import { createInvitation, invitationText } from './identity/invitations.ts';
import { invitationOwner } from './identity/knock-owners.ts';
import { isNobodys } from './identity/nobodys-ids.ts';
import { appendRecord } from './log/append-record.ts';
import { openStore, type Store, type Trx } from './store/open-store.ts';
import { findSettings, type Settings, writeSettings } from './store/settings.ts';

/** Name of the database inside the state directory. */
export const databaseName = 'controller.db';

export interface FirstStart {
  readonly organisation: string;
  readonly trustDomain: string;
  /** IANA name; UTC unless told. */
  readonly timezone?: string;
  readonly owner: { readonly id: string; readonly name: string };
  /** `host:port`, as the invited reach them. */
  readonly bootstrapAddress: string;
  readonly mutualAddress?: string;
  /** What will stand in front of it; nothing unless told. */
  readonly door?: FrontDoor;
  readonly site?: { readonly id: string; readonly name: string };
}

export interface Initialised {
  readonly settings: Settings;
  readonly owner: string;
  /** For the owner's first device. Shown once. */
  readonly invitation: string;
  readonly endsAt: number;
}

/** Makes the directory (0700) and everything in it. Throws `conflict` when there is a controller already. */
export async function initStateDirectory(
  { dir, env, clock }: { dir: string; env: Record<string, string | undefined>; clock: Clock },
  first: FirstStart,
): Promise<Initialised> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const store = await openStore(join(dir, databaseName));
  try {
    // Before a key is made: a new key beside an old database would hide that the right one is missing.
    if (await findSettings(store.db)) throw alreadyThere();
    const sealer = openSealer({ dir, env, create: true });
    return await initStore({ store, sealer, clock }, first);
  } finally {
    await store.stop();
  }
}

/** The same in an open store. */
export async function initStore(
  { store, sealer, clock }: { store: Pick<Store, 'db'>; sealer: Sealer; clock: Clock },
  first: FirstStart,
): Promise<Initialised> {
  const settings = checkSettings(first);
  const at = clock.now();
  return store.db.transaction().execute(async (trx) => {
    if (await findSettings(trx)) throw alreadyThere();
    await writeSettings(trx, settings);
    await addFirstAuthorities(trx, at, { sealer, trustDomain: settings.trustDomain });
    await addSigningKey(trx, at, { sealer, purpose: 'grant', state: 'current' });
    await addSigningKey(trx, at, { sealer, purpose: 'key-set', state: 'current' });
    await trx
      .insertInto('sites')
      .values(first.site ?? { id: 'main', name: 'Main site' })
      .execute();
    const secrets = await openKnockSecrets({ db: trx, sealer });
    const invitation = await inviteOwner(trx, at, first, secrets);
    await appendRecord(trx, at, {
      kind: 'controller',
      actor: 'shell',
      person: first.owner.id,
      event: 'initialised',
      details: { trustDomain: settings.trustDomain },
    });
    return { settings, owner: first.owner.id, ...invitation };
  });
}

async function inviteOwner(
  trx: Trx,
  at: number,
  first: FirstStart,
  secrets: KnockSecrets,
): Promise<{ invitation: string; endsAt: number }> {
  const { id, name } = first.owner;
  const row = { id, name, email: null, role: 'owner', state: 'active', risk: 0, created_at: at };
  await trx
    .insertInto('people')
    .values({ ...row, last_sign_in_at: null, had_factors: 0 })
    .execute();
  const order = { kind: 'device', subject: id, createdBy: 'init' } as const;
  const { id: invited, code, endsAt } = await createInvitation(trx, at, order);
  const [root] = await readBundle(trx);
  const invitation = invitationText({
    bootstrap: first.bootstrapAddress,
    ...(first.mutualAddress === undefined ? {} : { mutual: first.mutualAddress }),
    root: root!,
    code,
    role: 'device',
    organisation: first.organisation,
    // Whoever starts the controller may say otherwise later; the other way is tried where one meets silence.
    knock: { invitation: invited, secret: secrets.of(invitationOwner(invited)), ...(first.door ?? { door: 'none' }) },
  });
  return { invitation, endsAt };
}

function checkSettings(first: FirstStart): Settings {
  const { organisation, trustDomain, owner, timezone = 'UTC' } = first;
  if (!isTrustDomain(trustDomain)) {
    throw invalid('The trust domain has lower-case letters, digits, dots and hyphens only.');
  }
  if (organisation.length === 0 || organisation.length > 200) throw invalid('The organisation needs a name.');
  if (!new RegExp(slugPattern).test(owner.id)) throw invalid('The id of the owner is not a plain lower-case name.');
  if (isNobodys(owner.id)) throw invalid(`"${owner.id}" stands for nobody in particular in the log: take another id.`);
  if (owner.name.length === 0 || owner.name.length > 200) throw invalid('The owner needs a name.');
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch (cause) {
    throw invalid(`${timezone} is not a time zone.`, cause);
  }
  return { organisation, trustDomain, timezone, controllerId: 'main' };
}

function invalid(tell: string, cause?: unknown): PosternError {
  return new PosternError('invalid-config', undefined, { tell, cause });
}

function alreadyThere(): PosternError {
  return new PosternError('conflict', 'there is a controller in this state directory already', {
    tell: 'There is a controller here already.',
  });
}
