/** P11 P24: what a signed-in employee asks for without end makes the log grow within bounds, and takes nothing from others. */
import t from 'tap';
import { day, second } from '#shared/base/clock.ts';
import { makeCsr } from '#shared/crypto/csr.ts';
import { generateKeyPair } from '#shared/crypto/keys.ts';
import { expiredRenewalText, rekeyText, signText } from '#shared/crypto/signed-text.ts';
import { openExpiredRenewal } from '../../controller/identity/renew-expired.ts';
import { startEdge } from '../controller/support/edge-one.ts';
import { enrolAgent } from '../controller/support/fake-peers.ts';
import { meOf, office } from '../controller/support/review-office.ts';
import { storedRecords } from '../support/stored-records.ts';

t.test('P11 P24 a reviewer who decides on the same rows again and again is slowed down, and nobody else', async (t) => {
  const { controller, shell, bob } = await office(t);
  const { clock, store } = controller;
  const due = clock.now() + day;
  const params = { name: 'all' };
  await shell.startReview({ body: { ...params, due, reviewer: 'bob' } });
  const cora = meOf(await enrolAgent(t, controller, 'cora'));
  const { rows } = await bob.review({ params, query: {} });
  const decide = () =>
    bob
      .decideReview({
        params,
        body: { decision: 'keep', reason: 'again', rows: rows.map(({ row }) => row), again: true },
      })
      .then(
        () => 'decided',
        ({ code }) => code,
      );
  const count = async () => (await storedRecords(store.db)).length;
  const before = await count();
  const answers: string[] = [];
  for (let n = 0; n < 100; n += 1) answers.push(await decide());
  t.equal(answers.at(-1), 'over-budget');
  t.ok((await count()) - before <= 40 * rows.length);
  t.match(await cora.me(), { person: { id: 'cora' } });
  await t.rejects(cora.decideReview({ params, body: { decision: 'keep', reason: 'x', rows: [1] } }), {
    code: 'not-found',
  });
  clock.advance(second);
  t.equal(await decide(), 'decided', 'one each second');
  t.equal(await decide(), 'over-budget');
});

t.test('P11 whoever reads about themselves without end is slowed down', async (t) => {
  const { bob } = await office(t);
  const answers = new Set<string>();
  for (let n = 0; n < 320; n += 1)
    answers.add(
      await bob.reviews().then(
        () => 'read',
        ({ code }) => code,
      ),
    );
  t.same([...answers], ['read', 'over-budget']);
});

t.test('P4 P11 P24 a device that renews or changes its key again and again is slowed down', async (t) => {
  const edge = await startEdge(t);
  const { clock, store } = edge;
  const agent = await edge.enrol(edge.ownerCode);
  await agent.signInFirst();
  const answers: string[] = [];
  const say = (work: Promise<unknown>) =>
    work.then(
      () => 'renewed',
      ({ code }) => code as string,
    );
  const change = async () =>
    (await store.db.selectFrom('change_counter').selectAll().executeTakeFirstOrThrow()) as unknown as object;
  for (let n = 0; n < 30; n += 1) await say(agent.call.renew({ body: { csr: makeCsr(agent.keys) } }));
  const before = await change();
  for (let n = 0; n < 20; n += 1) answers.push(await say(agent.call.renew({ body: { csr: makeCsr(agent.keys) } })));
  t.same([...new Set(answers)], ['over-budget']);
  t.same(await change(), before, 'no gateway hears of it');
  const csr = makeCsr(generateKeyPair());
  const oldSignature = signText(agent.keys.privateKey, rekeyText(csr));
  t.equal(await say(agent.call.rekey({ body: { csr, oldSignature } })), 'over-budget');

  const expired = openExpiredRenewal(edge);
  clock.advance(2 * day);
  const late: string[] = [];
  for (let n = 0; n < 40; n += 1) {
    const nonce = expired.issueNonce({ role: 'device', id: agent.id });
    const request = makeCsr(agent.keys);
    const signature = signText(agent.keys.privateKey, expiredRenewalText(nonce, request));
    const body = { role: 'device', id: agent.id, nonce, csr: request, signature } as const;
    late.push(await say(expired.renew(body, { from: '192.0.2.7', trace: '1'.repeat(32) })));
  }
  t.same([late[0], late.at(-1)], ['renewed', 'over-budget']);
  const told = (await storedRecords(store.db)).filter(({ event }) => event === 'renewed-expired');
  t.equal(told.length, 30);
});
