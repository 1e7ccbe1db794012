/**
 * Enrolment (P5): a link enrols one device, for the person the invitation names, under names of our own record. Only the
 * public key is taken from the request.
 */
import type { KeyObject } from 'node:crypto';
import { randomId } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { sourceOf } from '#shared/base/source-of.ts';
import type { agentBootstrap, DeviceState } from '#shared/contracts/agent-to-controller.ts';
import type { AnswerOf, BodyOf } from '#shared/contracts/route.ts';
import { readCsr } from '#shared/crypto/csr.ts';
import { formatFingerprint, keyThumbprint, publicKeyToJwk, spkiFingerprint } from '#shared/crypto/keys.ts';
import type { Issued } from '../authority/open-authority.ts';
import { appendRecord } from '../log/append-record.ts';
import { nextChange } from '../store/changes.ts';
import type { Trx } from '../store/open-store.ts';
import { readSettings } from '../store/settings.ts';
import type { IdentityParts, Origin } from './identity-parts.ts';
import { redeemInvitation, subjectOfOpenCode, whyNoCode } from './invitations.ts';
import { chargeAttempt, forgiveAttempt, strangerRule } from './throttle.ts';

type Enrol = (typeof agentBootstrap)['enrol'];
export type Enrolled = Omit<AnswerOf<Enrol>, 'controllers' | 'time'>;

/**
 * Order: throttle, request's own signature, code, person in service, code used up, key never seen. Every refusal of the
 * code is the same `code-refused`; a record says why.
 */
export async function enrolDevice(parts: IdentityParts, body: BodyOf<Enrol>, origin: Origin): Promise<Enrolled> {
  const { store, clock, authority } = parts;
  await chargeStranger(parts, origin);
  const publicKey = readCsr(body.csr);
  const at = clock.now();
  const subject = await subjectOfOpenCode(store.db, at, { code: body.code, kind: 'device' });
  if (subject === undefined) throw await refuseCode(parts, origin, { code: body.code, kind: 'device' });
  const id = `dev_${randomId()}`;
  const issued = await authority.issue({ role: 'device', id, publicKey });
  const settings = await readSettings(store.db);
  const enrolled = await store.db
    .transaction()
    .execute((trx) => insertDevice(trx, at, { id, subject, body, publicKey, issued, origin }));
  if (enrolled === undefined) throw await refuseCode(parts, origin, { code: body.code, kind: 'device' });
  await forgiveStranger(parts, origin);
  return { ...enrolled, organisation: settings.organisation, ...issuedAnswer(issued) };
}

interface NewDevice {
  readonly id: string;
  /** Whom the code is for. */
  readonly subject: string;
  readonly body: BodyOf<Enrol>;
  readonly publicKey: KeyObject;
  readonly issued: Issued;
  readonly origin: Origin;
}

async function insertDevice(
  trx: Trx,
  at: number,
  { id, subject, body, publicKey, issued, origin }: NewDevice,
): Promise<Pick<Enrolled, 'device' | 'person' | 'state' | 'firstFactors' | 'fingerprint'> | undefined> {
  // Before the code is used up: an attempt during a suspension must not spend what is good after it.
  const person = await trx.selectFrom('people').selectAll().where('id', '=', subject).executeTakeFirst();
  if (person?.state !== 'active') return undefined;
  const invitation = await redeemInvitation(trx, at, { code: body.code, kind: 'device', subject });
  if (invitation === undefined) return undefined;
  const jkt = keyThumbprint(publicKey);
  await claimKey(trx, jkt, `device/${id}`);
  const firstFactors = person.had_factors === 0;
  const fingerprint = formatFingerprint(spkiFingerprint(publicKey));
  // Always pending at first: it takes an existing second factor, first factors set on it, or an administrator (P5).
  const state: DeviceState = 'pending';
  const { os, hostName, serial, model } = body.facts;
  await trx
    .insertInto('devices')
    .values({
      id,
      person_id: person.id,
      name: hostName,
      os,
      model: model ?? null,
      serial: serial ?? null,
      state,
      ownership: invitation.ownership,
      approval: invitation.approval,
      first_factors: firstFactors ? 1 : 0,
      public_jwk: JSON.stringify(publicKeyToJwk(publicKey)),
      jkt,
      fingerprint,
      certificate_serial: issued.serial,
      certificate_ends_at: issued.notAfter,
      posture_seq: 0,
      enrolled_at: at,
      approved_at: null,
      last_seen_at: null,
    })
    .execute();
  await nextChange(trx, at);
  await appendRecord(trx, at, {
    kind: 'enrolment',
    verdict: 'allow',
    person: person.id,
    device: id,
    ...origin,
    event: 'device-enrolled',
    details: { invitation: invitation.id, approval: invitation.approval, fingerprint },
  });
  return { device: id, person: { id: person.id, name: person.name }, state, firstFactors, fingerprint };
}

/** Throws `csr-refused` for a key that ever stood for anything: one key on two devices could not be told apart. */
export async function claimKey(trx: Trx, jkt: string, owner: string): Promise<void> {
  const result = await trx
    .insertInto('known_keys')
    .values({ jkt, owner })
    .onConflict((conflict) => conflict.column('jkt').doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows === 1n) return;
  throw new PosternError('csr-refused', 'the key of a certificate request stood for something before', {
    tell: 'This key was used before: make a new one.',
  });
}

/** What every answer with a certificate carries. */
export function issuedAnswer({ certificate, chain, bundle, trustDomain }: Issued) {
  return { certificate, chain, bundle, trustDomain };
}

const strangerKey = ({ from }: Origin): string => `stranger:${sourceOf(from)}`;

/** Throws `sign-in-throttled`: the same for good and bad codes. */
export async function chargeStranger({ store, clock }: IdentityParts, origin: Origin): Promise<void> {
  const charge = await store.db
    .transaction()
    .execute((trx) => chargeAttempt(trx, clock.now(), strangerKey(origin), strangerRule));
  if (charge.ok) return;
  throw new PosternError('sign-in-throttled', `too many attempts from ${origin.from}`, {
    extra: { retryAfterMs: charge.retryAfterMs },
  });
}

export async function forgiveStranger({ store }: IdentityParts, origin: Origin): Promise<void> {
  await store.db.transaction().execute((trx) => forgiveAttempt(trx, strangerKey(origin), { clear: false }));
}

/** Records the attempt and why it failed; the code itself is nowhere in it. */
export async function refuseCode(
  { store, clock }: IdentityParts,
  origin: Origin,
  given: { readonly code: string; readonly kind: 'device' | 'gateway' },
): Promise<PosternError> {
  const at = clock.now();
  const { reason, invitation, subject } = await whyNoCode(store.db, at, given);
  // Whose invitation it was is worth knowing: somebody holds a letter that was meant for that one.
  const whose = subject === undefined ? {} : { invitation, subject };
  const refused = { kind: 'enrolment', event: 'code-refused', verdict: 'deny' } as const;
  await appendRecord(store.db, at, {
    ...refused,
    reasons: [reason],
    ...origin,
    details: { wanted: given.kind, ...whose },
  });
  return new PosternError('code-refused', 'an invitation code is unknown, used, voided or expired');
}
