/** P5: whatever others do to an account, its person is told of at the next sign-in. */
import t from 'tap';
import { resetFactors } from '../../controller/identity/set-factors.ts';
import { startEdge } from '../controller/support/edge-one.ts';

t.test('P5 a reset of factors and another device are told, and what one does oneself is not', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const { secret } = await agent.signInFirst();
  await agent.me.recoveryCodes();
  const own = (await agent.me.notices()).notices;
  t.match(own, [{ what: /^A device was enrolled in your name: dev_/ }], 'the first device, and nothing else');
  await agent.signIn(secret);
  await agent.signIn(secret);
  t.notOk(
    (await agent.me.notices()).notices.some((notice) => notice.new),
    'seen at the sign-in before',
  );

  edge.clock.advance(1000);
  const person = agent.answer.person.id;
  const { code } = await edge.store.db
    .transaction()
    .execute((trx) => resetFactors(trx, edge.clock.now(), { person, actor: 'shell', because: 'lost' }));
  const { flow } = await agent.call.signIn({ body: { purpose: 'sign-in' } });
  await agent.call.recoveryCode({ params: { flow }, body: { code } });
  await agent.setFactors(flow);
  const { notices } = await agent.me.notices();
  t.match(notices[0], { what: 'Your password and second factors were reset by an administrator.', new: true });
  t.notMatch(JSON.stringify(notices), /shell|lost/, 'without the names and words of administrators');
});
