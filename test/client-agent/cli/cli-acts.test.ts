/** What the commands of `postern` do, as real processes against a fake agent. */
import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { fakeCode, fakePassword } from '../../support/fake-agent-portal.ts';
import { makeRig } from './run-postern.ts';

t.test('login reads its answers from a pipe: password, then code', async (t) => {
  const rig = await makeRig(t);
  const { code, out, err } = await rig.run('login', `${fakePassword}\n123 456\n`);
  t.equal(code, 0);
  t.match(out, /You are signed in/);
  t.match(err, /^Note, .*: Your password was reset\.$/m, 'P5: what others did since the last time is told');
  t.same(rig.agent.asked, ['start sign-in', 'answer password', 'answer totp', 'me.notices']);
  t.match((await rig.run('login')).out, /signed in already/);
  t.match(
    (await rig.run('login --again', `${fakePassword}\n${fakeCode}\n`)).out,
    /You are signed in/,
    'for a young session',
  );
  t.match((await rig.run('login --step-up', `${fakeCode}\n`)).out, /Confirmed/);
  t.match((await rig.run('logout')).out, /signed out/);
  t.equal(rig.agent.state().session.signedIn, false);
});

t.test('a recovery code is told from a one-time code', async (t) => {
  const rig = await makeRig(t);
  t.equal((await rig.run('login', `${fakePassword}\nabcd-efgh\n`)).code, 0);
  t.ok(rig.agent.asked.includes('answer recovery-code'));
});

t.test('a wrong answer from a pipe ends with 1; nothing of it is repeated', async (t) => {
  const rig = await makeRig(t);
  const { code, err, out } = await rig.run('login', 'not the password\n');
  t.equal(code, 1);
  t.match(err, /That was not right/);
  t.notMatch(`${out}${err}`, /not the password/);
  const short = await rig.run('login', `${fakePassword}\n`);
  t.equal(short.code, 1);
  t.match(short.err, /no more lines/);
});

t.test('first factors in a conversation of JSON lines', async (t) => {
  const rig = await makeRig(t);
  rig.agent.setFirstFactors();
  const login = rig.start('login --json');
  await login.says('set-password');
  login.child.stdin!.write('a long enough sentence\n');
  await login.says('otpauth://');
  login.child.stdin!.write(`${fakeCode}\n`);
  const { code, out } = await login.ended;
  t.equal(code, 0);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines, [
    { step: 'set-password', methods: ['set-password'] },
    { step: 'set-totp' },
    { step: 'confirm-totp', totp: { secret: /^[A-Z2-7]+$/ } },
    { step: 'done', signedIn: true, recoveryCodes: ['aaaa-1111', 'bbbb-2222'] },
  ]);
});

t.test('ssh-proxy carries bytes both ways and ends with its input', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  const text = 'x'.repeat(300_000);
  const { code, out, err } = await rig.run('ssh-proxy echo', text);
  t.equal(err, '');
  t.equal(code, 0);
  t.ok(out === text, 'all came back');
});

t.test('ssh-proxy says on standard error what it waits for, and goes on', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  const ssh = rig.start('ssh-proxy build');
  await ssh.says('build waits for you');
  await ssh.says('postern login --step-up');
  rig.agent.release();
  ssh.child.stdin!.write('hello');
  await ssh.says('hello');
  ssh.child.stdin!.end();
  const { code, out } = await ssh.ended;
  t.equal(code, 0);
  t.equal(out, 'hello', 'nothing else is in the stream');
});

t.test('ssh-proxy to what is not allowed ends with 1', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  const { code, err, out } = await rig.run('ssh-proxy nothing');
  t.equal(code, 1);
  t.equal(out, '');
  t.match(err, /You have no app called nothing\. See: postern apps --dir/);
});

t.test('connect serves a local port until it is told to end', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  const command = rig.start('connect echo --json');
  await command.says('}\n');
  const { port } = JSON.parse(command.out()) as { port: number };
  const client = connect(port, '127.0.0.1');
  client.write('ping');
  t.equal(String((await once(client, 'data'))[0]), 'ping');
  client.destroy();
  command.child.kill('SIGINT');
  t.equal((await command.ended).code, 0);
});

t.test('connect refuses what has no port', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  t.match((await rig.run('connect wiki')).err, /HTTP app.*postern open wiki/);
  t.match((await rig.run('connect nothing')).err, /no app called nothing/);
  t.match((await rig.run('connect echo --port 99999')).err, /up to 65535/);
});

t.test('who is signed out is told to sign in, not that there are no apps', async (t) => {
  const rig = await makeRig(t);
  for (const command of ['apps', 'open nothing', 'connect nothing', 'ssh-proxy nothing']) {
    t.match(await rig.run(command), { code: 1, out: '', err: /Sign in to go on\. Run: postern login --dir / }, command);
  }
});

t.test('the own account', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  t.match((await rig.run('factors')).out, /fac_totp00001\s+totp\s+Authenticator app/);
  t.match((await rig.run('devices')).out, /emils-laptop\s+linux\s+active/);
  t.match((await rig.run('sessions --json')).out, /"ses_0123456789"/);
  t.match((await rig.run('access')).out, /POST \/reports\/q3\/export\s+deny\s+no-permit/);
  t.equal((await rig.run('sessions end ses_0123456789')).code, 0);
  t.same(rig.agent.inputs.get('endSession'), { params: { id: 'ses_0123456789' } });
  t.equal((await rig.run('factors password', `${fakePassword}\nanother long sentence\n`)).code, 0);
  t.same(rig.agent.inputs.get('changePassword'), { body: { current: fakePassword, next: 'another long sentence' } });
  t.match((await rig.run('factors add-totp --json', `${fakeCode}\n`)).out, /JBSWY3DPEHPK3PXP[\s\S]*"done":true/);
  t.match((await rig.run('factors recovery-codes')).out, /cccc-3333\ndddd-4444/);
  const odd = await rig.run('sessions end ../odd');
  t.equal(odd.code, 1);
  t.match(odd.err, /There is nothing with this id/);
});

t.test('access reviews: rows of my own, decided by number or by filter', async (t) => {
  const rig = await makeRig(t, { signedIn: true });
  t.match((await rig.run('review')).out, /2026-q3 +Quarterly/);
  t.match(
    (await rig.run('review show 2026-q3')).out,
    /1 undecided, due 20[\s\S]*3 +emma +payroll +staff, group staff +1 +2 h ago/,
  );
  const decided = () => rig.agent.inputs.get('decideReview');
  t.match(await rig.run('review decide 2026-q3 revoke --app payroll --reason left'), {
    code: 0,
    out: 'revoke: 1 row.\n',
  });
  const body = { decision: 'revoke', reason: 'left', rows: [3] };
  t.same(decided(), { params: { name: '2026-q3' }, body }, 'what is decided stays');
  await rig.run('review decide 2026-q3 keep --row 4 --again --reason back --json');
  t.match(decided(), { body: { decision: 'keep', rows: [4], again: true } });
  t.match(await rig.run('review decide 2026-q3 keep --row 4'), { code: 2, err: /--reason/ });
  t.match(await rig.run('review decide 2026-q3 keep --reason x'), { code: 2, err: /say which rows/ });
  t.match(await rig.run('review decide 2026-q3 perhaps --all --reason x'), { code: 2, err: /keep, revoke, change/ });
});
