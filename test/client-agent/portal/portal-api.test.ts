/** The portal's API, as programs and the page see it. */
import t, { type Test } from 'tap';
import { PosternError } from '#shared/base/errors.ts';
import { drawQrCode, makeQrCode } from '../../../client-agent/portal/qr-code.ts';
import { fakeHold } from '../../support/fake-agent-facts.ts';
import { type FakeAgent, fakeCode, fakePassword, makeFakeAgent } from '../../support/fake-agent-portal.ts';
import { servePortal } from '../../support/serve-portal.ts';

async function open(t: Test, options: { signedIn?: boolean } = {}) {
  const agent = makeFakeAgent(options);
  const portal = await servePortal(agent);
  t.teardown(() => portal.stop());
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${portal.port}/api/${path}`, {
      method,
      headers: { origin: portal.origin, ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
    });
    return { status: response.status, body: response.status === 204 ? undefined : JSON.parse(await response.text()) };
  };
  return { agent, portal, call };
}

t.test('signs in, step by step; the secret of the session is not in any answer', async (t) => {
  const { agent, call } = await open(t);
  const started = await call('POST', 'sign-in', { purpose: 'sign-in' });
  t.match(started, { status: 200, body: { step: 'password', methods: ['password'], person: { id: 'emil' } } });
  const { flow } = started.body;
  const wrong = await call('POST', `sign-in/${flow}`, { method: 'password', value: 'wrong' });
  t.match(wrong, { status: 401, body: { code: 'sign-in-refused', next: 'step-up', trace: /^[0-9a-f]{32}$/ } });
  t.match((await call('POST', `sign-in/${flow}`, { method: 'password', value: fakePassword })).body, {
    step: 'second-factor',
  });
  const done = await call('POST', `sign-in/${flow}`, { method: 'totp', value: fakeCode });
  t.match(done.body, { step: 'done', signedIn: true });
  t.notOk('session' in done.body);
  t.match((await call('GET', 'state')).body, { session: { signedIn: true }, person: { id: 'emil' } });
  t.equal(agent.state().session.signedIn, true);
});

t.test('what is not expected is refused, and the agent is not asked', async (t) => {
  const { agent, call } = await open(t, { signedIn: true });
  const refused: [string, string, unknown?][] = [
    ['POST', 'sign-in', { purpose: 'be-admin' }],
    ['POST', 'sign-in', { purpose: 'sign-in', more: 1 }],
    ['POST', 'sign-in/flow_0123456789', { method: 'session' }],
    ['POST', 'sign-in/UPPER', { method: 'totp', value: '1' }],
    ['POST', 'sign-in/flow_0123456789', { method: 'password', value: 'x'.repeat(2000) }],
    ['POST', 'sign-out', { extra: true }],
    ['GET', 'state?x=1'],
    ['GET', 'why?app=../x'],
    ['GET', 'me/access?limit=abc'],
    ['POST', 'me/password', { current: 'a' }],
    ['DELETE', 'me/sessions/short'],
  ];
  for (const [method, path, body] of refused)
    t.equal((await call(method, path, body)).status, 400, `${method} ${path}`);
  t.equal((await call('POST', 'sign-in', 'x'.repeat(20_000))).status, 413);
  t.equal((await call('GET', 'nothing')).status, 404);
  t.equal((await call('PUT', 'state', {})).status, 404);
  t.same(agent.asked, []);
});

t.test('apps come with the way to use them, posture with every value sent', async (t) => {
  const { portal, call } = await open(t, { signedIn: true });
  const { apps } = (await call('GET', 'apps')).body;
  const byId = Object.fromEntries(apps.map((app: { id: string }) => [app.id, app]));
  t.equal(byId.wiki.link, `http://wiki.localhost:${portal.port}/`);
  t.equal(byId.echo.command, 'postern connect echo');
  t.equal(byId.build.command, 'ssh -o ProxyCommand="postern ssh-proxy build" build.corp.internal');
  t.match(byId.payroll, { usable: false, why: /firewall/, fixes: [{ kind: 'posture' }] });
  const { posture } = (await call('POST', 'posture')).body;
  t.equal(posture.seq, 2);
  t.match(
    posture.lines.find(({ id }: { id: string }) => id === 'firewallOn'),
    {
      sent: false,
      status: 'fail',
      judged: 'fail',
      detail: 'nftables has no rules',
      fix: /ufw enable/,
    },
  );
  t.match(
    posture.lines.find(({ id }: { id: string }) => id === 'check:vpn-absent'),
    { sent: 'fail', detailIsSent: false, judged: 'stale' },
  );
});

t.test('the account passes on exactly what the contract names', async (t) => {
  const { agent, call } = await open(t, { signedIn: true });
  t.match((await call('GET', 'me')).body, { person: { id: 'emil' } });
  t.match((await call('GET', 'me/access?limit=5')).body, { records: [{ reasons: ['no-permit'] }] });
  t.same(agent.inputs.get('access'), { query: { limit: 5 } });
  t.equal((await call('DELETE', 'me/devices/dev_0123456789')).status, 204);
  t.same(agent.inputs.get('removeDevice'), { params: { id: 'dev_0123456789' } });
  const totp = (await call('POST', 'me/totp')).body;
  t.ok(totp.qr.rows.length === totp.qr.size);
});

t.test('events come as they happen, and stop with the portal', async (t) => {
  const agent: FakeAgent = makeFakeAgent({ signedIn: true });
  const portal = await servePortal(agent);
  const response = await fetch(`http://127.0.0.1:${portal.port}/api/events`);
  t.match(response.headers.get('content-type'), 'text/event-stream');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  t.match((await reader.read()).value, /data: {"type":"hello"}/);
  agent.setHolds([fakeHold()]);
  t.match((await reader.read()).value, /"type":"hold".*"app":"payroll"/);
  await portal.stop();
  await reader.read().then(
    ({ done }) => t.ok(done),
    () => t.pass('cut'),
  );
});

t.test('a failure of the agent is a problem document without its inner words', async (t) => {
  const { agent, call } = await open(t, { signedIn: true });
  agent.doctor = () => Promise.reject(new PosternError('unreachable', 'secret detail of the log'));
  const { status, body } = await call('GET', 'doctor');
  t.equal(status, 503);
  t.equal(body.code, 'unreachable');
  t.notMatch(JSON.stringify(body), /secret detail/);
});

t.test('a QR code has its three finders and says the text it was made of', async (t) => {
  const { size, rows } = await makeQrCode('otpauth://totp/Example:emil?secret=JBSWY3DPEHPK3PXP&issuer=Example');
  t.equal(rows.length, size);
  for (const [x, y] of [
    [0, 0],
    [size - 7, 0],
    [0, size - 7],
  ] as const) {
    t.same(
      rows.slice(y, y + 7).map((row) => row.slice(x, x + 7)),
      ['1111111', '1000001', '1011101', '1011101', '1011101', '1000001', '1111111'],
    );
  }
  t.equal(drawQrCode({ size, rows }).split('\n').length, Math.ceil((size + 4) / 2));
});
