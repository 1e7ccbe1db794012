/** P6: an auditor or administrator who has one draft after the other validated, against the owner at the shell who must roll back. */
import t from 'tap';
import { PolicyJudge } from '../../controller/publishing/policy-judge.ts';

const draft = (id: string) => ({ files: [{ id, text: 'permit(principal, action, resource);' }], tests: [] });

t.test('P6 drafts that wait are bounded, and the owner at the shell is behind none of them', async (t) => {
  const judge = new PolicyJudge();
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  const running = judge.judge(draft('running')).then(note('running'));
  const waiting = Array.from({ length: 16 }, () => judge.judge(draft('waiting')).then(note('waiting')));
  await t.rejects(judge.judge(draft('more')), { code: 'conflict' });
  const shell = judge.judge(draft('shell'), undefined, true).then(note('shell'));
  await Promise.all([running, ...waiting, shell]);
  t.equal(order.length, 18);
  t.equal(order.indexOf('shell'), 1, order.join(' '));
  t.equal((await judge.judge(draft('again'))).tests.length, 0, 'there is room again');
  await judge.stop();
});
