/**
 * Erases a person out of the log and the store (P34): disclosures, columns to search by and snapshots of facts go, leaves stay, so that
 * tree, proofs and `log verify` stay right. In steps that take up where the last one ended, whoever was stopped meanwhile.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomId, randomSecret, sha256 } from '#shared/base/bytes.ts';
import { minute } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { Disclosure } from '#shared/log/disclosures.ts';
import { eraseReviewRows } from '../reviews/erase-from-reviews.ts';
import type { Db, Store, Trx } from '../store/open-store.ts';
import type { ErasureRow } from '../store/record-tables.ts';
import { eraseElsewhere, eraseSnapshots } from './erase-elsewhere.ts';
import { type Erased, eraseFromRecord, isNamed } from './erase-from-record.ts';
import { markChanged } from './mark-changed.ts';
import { type ReadRow, readColumns, readRow, type Unreadable } from './read-row.ts';
import { personalColumns, recordOf } from './record-row.ts';
import { heldColumns, heldOfPerson, LegalHolds } from './retention/legal-holds.ts';
import { tellUnreadableIn } from './tell-unreadable.ts';

/** Positions of the log in one transaction, so that nobody waits long. */
const stretch = 1000;

interface Step {
  readonly erasure: ErasureRow;
  readonly total: number;
  /** The legal hold before whose record it stands. */
  readonly hold?: string | undefined;
}

export interface ErasureParts {
  readonly store: Pick<Store, 'db' | 'forget' | 'giveBack'>;
}

/** The salt makes it useless for who has a list of names and not this store. */
export const digestOfPerson = (salt: string, person: string): string => sha256(`${salt}.${person}`).toString('hex');

/** In the transaction of its record. Throws `not-found`, or `conflict` for who is not gone, under a hold, or still known at gateways. */
export async function beginErasure(
  trx: Trx,
  at: number,
  { person, actor }: { readonly person: string; readonly actor: string },
): Promise<{ erasure: ErasureRow; isNew: boolean }> {
  const running = await trx.selectFrom('erasures').selectAll().where('person_id', '=', person).executeTakeFirst();
  if (running !== undefined) return { erasure: running, isNew: false };
  const row = await trx.selectFrom('people').select('state').where('id', '=', person).executeTakeFirst();
  if (row === undefined)
    throw new PosternError('not-found', `no person ${person}`, { tell: 'There is no such person.' });
  if (row.state !== 'gone') throw refuse(`Remove the person first: posternctl person remove ${person}.`);
  const held = await heldOfPerson(trx, person);
  if (held !== undefined) throw refuseHeld(held.name, `${held.records} of this person's records`);
  const known = await trx
    .selectFrom('revocations')
    .select((eb) => eb.fn.max<number | null>('until').as('until'))
    .where('kind', '=', 'person')
    .where('id', '=', person)
    .executeTakeFirst();
  if (known?.until != null && known.until > at) {
    const minutes = Math.ceil((known.until - at) / minute);
    throw refuse(`Gateways must still know that this person's grants are taken back: erase in ${minutes} minutes.`);
  }
  const salt = randomSecret(16);
  const erasure: ErasureRow = {
    id: `era_${randomId(16)}`,
    person_id: person,
    salt,
    digest: digestOfPerson(salt, person),
    actor,
    position: 0,
    records: 0,
    snapshots: 0,
    began_at: at,
    ended_at: null,
  };
  await trx.insertInto('erasures').values(erasure).execute();
  return { erasure, isNew: true };
}

/**
 * Goes on with one for about `forMs`. `record` writes that it is done, in the transaction that ends it. Returns how far it is: `total` is
 * the last position of the log. Throws `conflict` where a legal hold keeps the next record: it stands there until that is released.
 */
export async function goOnErasing(
  { store }: Pick<ErasureParts, 'store'>,
  at: number,
  order: {
    readonly id: string;
    readonly forMs: number;
    readonly record: (trx: Trx, ended: ErasureRow) => Promise<void>;
  },
): Promise<Step> {
  const { db } = store;
  const until = performance.now() + order.forMs;
  for (;;) {
    const step = await db.transaction().execute((trx) => eraseStretch(trx, at, order.id));
    if (step.hold !== undefined) throw refuseHeld(step.hold, `the record at place ${step.erasure.position + 1}`);
    if (step.erasure.position < step.total) {
      if (performance.now() >= until) return step;
      await nextTurn();
      continue;
    }
    const { person_id: person } = step.erasure;
    if (person === null) return step;
    const snapshots = await eraseSnapshots(db, person);
    await eraseReviewRows(db, person);
    const ended = await db.transaction().execute(async (trx) => {
      // What came meanwhile: a record written by others, or the end of this by somebody quicker.
      const { erasure, total, hold } = await eraseStretch(trx, at, order.id);
      if (erasure.person_id === null) return erasure;
      if (erasure.position < total || hold !== undefined) return undefined;
      const last = { ...erasure, person_id: null, snapshots: erasure.snapshots + snapshots, ended_at: at };
      await eraseElsewhere(trx, person, at);
      await trx.updateTable('erasures').set(last).where('id', '=', order.id).execute();
      await order.record(trx, last);
      return last;
    });
    if (ended === undefined) continue;
    // Out of the free pages and the write-ahead log.
    await store.giveBack();
    await store.forget();
    return { erasure: ended, total: step.total };
  }
}

async function eraseStretch(trx: Trx, at: number, id: string): Promise<Step> {
  const erasure = await trx.selectFrom('erasures').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const newest = await trx
    .selectFrom('records')
    .select((eb) => eb.fn.max<number | null>('position').as('position'))
    .executeTakeFirst();
  const total = newest?.position ?? 0;
  if (erasure.person_id === null || erasure.position >= total) return { erasure, total };
  const through = Math.min(total, erasure.position + stretch);
  const who = await readErased(trx, erasure.person_id);
  const { erased, unreadable, heldAt, hold } = await eraseBetween(trx, who, erasure.position, through);
  const next = { ...erasure, position: (heldAt ?? through + 1) - 1, records: erasure.records + erased };
  await trx.updateTable('erasures').set(next).where('id', '=', id).execute();
  await tellUnreadableIn(trx, at, unreadable);
  return { erasure: next, total, hold };
}

/** Up to the first record that a legal hold keeps. */
async function eraseBetween(
  trx: Trx,
  who: Erased,
  after: number,
  through: number,
): Promise<{ erased: number; unreadable: readonly Unreadable[]; heldAt?: number; hold?: string }> {
  const holds = await LegalHolds.read(trx);
  const rows = await trx
    .selectFrom('records')
    .select([...readColumns, ...heldColumns])
    .where('position', '>', after)
    .where('position', '<=', through)
    .orderBy('position')
    .execute();
  const changed: number[] = [];
  const unreadable: Unreadable[] = [];
  for (const row of rows) {
    const { position } = row;
    const read = readRow(row);
    if (read.unreadable !== undefined) unreadable.push(read.unreadable);
    const left = read.unreadable === undefined ? leftOf(row, read.record, who) : leftOfUnreadable(row, who);
    if (left === undefined) continue;
    const hold = holds.of(row);
    if (hold !== undefined) {
      await markChanged(trx, changed);
      return { erased: changed.length, unreadable, heldAt: position, hold: hold.name };
    }
    await trx
      .updateTable('records')
      .set({ ...left, digest: '' })
      .where('position', '=', position)
      .execute();
    changed.push(position);
  }
  await markChanged(trx, changed);
  return { erased: changed.length, unreadable };
}

/** Undefined where nothing goes. */
function leftOf({ leaf, disclosures }: ReadRow, record: AccessRecord, who: Erased) {
  const kept = eraseFromRecord(record, JSON.parse(disclosures) as Disclosure[], who);
  if (kept === undefined) return undefined;
  const left = JSON.stringify(kept);
  return { disclosures: left, ...personalColumns(recordOf({ leaf, disclosures: left })) };
}

/** Of a record that somebody made unreadable all of it goes, as soon as its row names the person anywhere: which part of it does cannot be told. */
function leftOfUnreadable(
  row: ReadRow & Readonly<Record<'person_id' | 'actor' | 'device_id', string | null>>,
  who: Erased,
) {
  const { person_id, actor, device_id, leaf, disclosures } = row;
  const columns = [person_id, actor, device_id].join(' ');
  if (!isNamed(`${columns} ${leaf} ${disclosures}`, [who.id, ...who.devices, ...who.names])) return undefined;
  return { disclosures: '[]', person_id: null, actor: null, address: null, host: null, path: null };
}

async function readErased(db: Db, id: string): Promise<Erased> {
  const person = await db.selectFrom('people').select(['name', 'email']).where('id', '=', id).executeTakeFirst();
  const devices = await db.selectFrom('devices').select('id').where('person_id', '=', id).execute();
  const names = [person?.name, person?.email].filter((name) => name != null && name !== '' && name !== id) as string[];
  return { id, devices: new Set(devices.map((device) => device.id)), names };
}

/** Whose records, arriving late, keep nothing personal; and whose ids are never given again. */
export async function wereErased(db: Db, people: readonly string[]): Promise<ReadonlySet<string>> {
  if (people.length === 0) return new Set();
  const all = await db.selectFrom('erasures').select(['salt', 'digest']).where('person_id', 'is', null).execute();
  return new Set(people.filter((id) => all.some(({ salt, digest }) => digestOfPerson(salt, id) === digest)));
}

const refuseHeld = (hold: string, what: string): PosternError =>
  refuse(
    `The legal hold ${hold} keeps ${what}: once it is released (posternctl log hold release ${hold}), erase again.`,
  );
const refuse = (tell: string): PosternError => new PosternError('conflict', tell, { tell });
