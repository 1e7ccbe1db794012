import t from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import type { AgentClient } from '../../deploy/quickstart/clients.ts';
import { signIn } from '../../deploy/quickstart/resume.ts';
import type { SampleUser } from '../../deploy/quickstart/state.ts';

const user: SampleUser = {
  id: 'emil',
  groups: [],
  name: 'Emil',
  role: 'employee',
  password: 'x',
  totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
};

/** Answers with these failures in turn, then with success. */
function agentThat(...failures: readonly PosternError[]) {
  const rest = [...failures];
  const asked: string[] = [];
  const answer = async (what: string) => {
    asked.push(what);
    const failure = rest.shift();
    if (failure !== undefined) throw failure;
    return { flow: 'flow_1' };
  };
  const agent = {
    startSignIn: () => answer('start'),
    answerSignIn: ({ body }: { body: { method: string } }) => answer(body.method),
  };
  return { agent: agent as unknown as AgentClient, asked };
}

t.test('a device that is contained is told of once', async (t) => {
  const { agent, asked } = agentThat(new PosternError('device-suspended'));
  await t.rejects(signIn(agent, user), { code: 'device-suspended' });
  t.same(asked, ['start']);
});

t.test('a password that is another one now is not tried again', async (t) => {
  const { agent, asked } = agentThat();
  const refusing: AgentClient = { ...agent, answerSignIn: () => Promise.reject(new PosternError('sign-in-refused')) };
  await t.rejects(signIn(refusing, user), { code: 'sign-in-refused' });
  t.same(asked, ['start']);
});

t.test('a controller that is not there yet is asked again', async (t) => {
  const { agent, asked } = agentThat(new PosternError('unreachable'));
  await signIn(agent, user);
  t.same(asked, ['start', 'start', 'password', 'totp']);
});
