/** Rows of refusals at the controller's edge, each tried at an edge of its own: the code for the peer, the reason for the log. */
import type { Test } from 'tap';
import { setDeviceState } from '../../../controller/identity/device-state.ts';
import { setPersonState } from '../../../controller/identity/person-state.ts';
import type { PosternError } from '../../../shared/base/errors.ts';
import type { AccessRecord } from '../../../shared/contracts/record.ts';
import { currentTotp } from '../../../shared/crypto/totp.ts';
import { storedRecords } from '../../support/stored-records.ts';
import { goodPassword, startEdge, type TestAgent, type TestEdge } from './edge-one.ts';

/** A person signed up on a device. */
export async function newcomer(edge: TestEdge, id = 'person-1') {
  await edge.addPerson(id);
  const agent = await edge.enrol(await edge.invite({ subject: id }));
  return { id, agent, ...(await agent.signInFirst()) };
}
export type Newcomer = Awaited<ReturnType<typeof newcomer>>;

export const begin = (agent: TestAgent) => agent.call.signIn({ body: { purpose: 'sign-in' } });

export async function toCode(agent: TestAgent) {
  const params = { flow: (await begin(agent)).flow };
  await agent.call.password({ params, body: { password: goodPassword } });
  return params;
}

export const codeOf = ({ clock }: TestEdge, { secret }: Pick<Newcomer, 'secret'>) => currentTotp(secret, clock.now());

export const suspend = ({ store, clock }: TestEdge, what: 'person' | 'device', id: string) =>
  store.db.transaction().execute<unknown>((trx) => {
    const order = { id, state: 'suspended', actor: 'olga', because: 'stolen' } as const;
    return what === 'person' ? setPersonState(trx, clock.now(), order) : setDeviceState(trx, clock.now(), order);
  });

/** Of refusals, oldest first. */
export async function denials({ store }: TestEdge): Promise<AccessRecord[]> {
  return (await storedRecords(store.db)).filter(({ verdict }) => verdict === 'deny');
}

export interface Row {
  readonly what: string;
  readonly code: string;
  readonly reason: string;
  /** Rows of one class read the same to the peer, to the letter. */
  readonly looks: string;
  readonly record?: object;
  /** What must be nowhere in the log. */
  readonly secrets?: readonly string[];
  /** Rejects. Certificates of an edge whose clock has moved on by a minute are not valid yet by the real one. */
  readonly try: (edge: TestEdge) => Promise<unknown>;
}

/** What each class read like. */
export async function judgeRows(t: Test, rows: readonly Row[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const same = new Map<string, Set<string>>();
  for (const row of rows) {
    await t.test(`P5 P12 P18 ${row.what}: ${row.code}, for the log ${row.reason}`, async (t) => {
      const edge = await startEdge(t);
      const error = (await row.try(edge).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )) as PosternError | undefined;
      t.match(error, { code: row.code });
      t.match((await denials(edge)).at(-1), {
        verdict: 'deny',
        reasons: [row.reason],
        from: '127.0.0.1',
        ...row.record,
      });
      const { trace: _, retryAfterMs: __, ...problem } = error!.toProblem();
      same.set(row.looks, new Set([...(same.get(row.looks) ?? []), JSON.stringify(problem)]));
      const log = JSON.stringify(await storedRecords(edge.store.db));
      for (const secret of row.secrets ?? []) t.notMatch(log, secret, 'no secret in the log');
      for (const word of [row.reason, 'person-', 'olga'])
        if (!row.code.endsWith(word)) t.notMatch(JSON.stringify(problem), word, 'nothing of it is told');
    });
  }
  for (const [looks, answers] of same) t.equal(answers.size, 1, `P12 ${looks}: what is of one kind reads the same`);
  return same;
}
