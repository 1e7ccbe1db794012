import t from 'tap';
import { adminContract } from '../../../shared/contracts/admin-to-controller.ts';
import type { RouteShape } from '../../../shared/contracts/route.ts';
import { makeUnixDispatcher } from '../../../shared/wire/make-dispatcher.ts';
import { changing, ownersOnly } from '../../support/admin-places.ts';
import { runController } from '../support/run-controller.ts';

const routes = Object.entries(adminContract) as [string, RouteShape][];

t.test('each role reaches its routes and no other', async (t) => {
  const controller = await runController(t);
  const dispatcher = makeUnixDispatcher(controller.addresses.adminSocket);
  t.teardown(() => dispatcher.destroy());
  const tokens = {
    auditor: await controller.signIn('audrey', 'auditor'),
    admin: await controller.signIn('adam', 'admin'),
    owner: await controller.signIn('oscar', 'owner'),
  };
  const call = async (route: RouteShape, headers: Record<string, string>) => {
    const response = await dispatcher.request({
      origin: 'http://controller',
      method: route.method,
      path: route.path.replace(/:\w+/g, 'nobody-here'),
      headers: { ...headers, ...(route.body === undefined ? {} : { 'content-type': 'application/json' }) },
      // Never a valid body: who gets past the guard is refused for that, or finds nothing of this name.
      body: route.body === undefined ? null : '[]',
    });
    // Of an answer in lines the first says as much.
    const [body = ''] = (await response.body.text()).split('\n', 1);
    return { status: response.statusCode, code: body === '' ? '' : (JSON.parse(body) as { code?: string }).code };
  };
  for (const [name, route] of routes) {
    if (name === 'adminSignOut') continue;
    const allowed = {
      auditor: !changing.includes(name) && !ownersOnly.includes(name),
      admin: !ownersOnly.includes(name),
      owner: true,
    };
    for (const role of ['auditor', 'admin', 'owner'] as const) {
      const answer = await call(route, { authorization: `Postern-Admin ${tokens[role]}` });
      if (allowed[role]) t.not(answer.code, 'role-needed', `${role} reaches ${name}`);
      else t.match(answer, { status: 403, code: 'role-needed' }, `${role} is refused ${name}`);
    }
    const stranger = await call(route, { authorization: 'Postern-Admin made-up' });
    t.match(stranger, { status: 401, code: 'session-required' }, `a made-up token is refused ${name}`);
  }
});

t.test('what an administrator tried and may not do is on record', async (t) => {
  const { as, signIn } = await runController(t);
  const audrey = as({ token: await signIn('audrey', 'auditor'), reason: 'curious' });
  await t.rejects(audrey.putGroup({ params: { id: 'friends' }, body: {} }), { code: 'role-needed' });
  const { records } = await as().records({ query: { kind: 'admin', verdict: 'deny' } });
  t.match(records, [
    {
      actor: 'audrey',
      reasons: ['wrong-role'],
      because: 'curious',
      details: { call: 'PUT /v1/admin/groups/:id', role: 'auditor', on: 'friends' },
    },
  ]);
});

t.test('a role counts as it is now, and a suspended person has none', async (t) => {
  const { as, signIn } = await runController(t);
  const token = await signIn('adam', 'admin');
  const shell = as({ reason: 'test' });
  t.same(await as({ token }).whoAmI(), { actor: 'adam', role: 'admin' });
  await shell.setPersonState({ params: { id: 'adam' }, body: { state: 'suspended' } });
  await t.rejects(as({ token }).people(), { code: 'session-required' });
  await shell.setPersonState({ params: { id: 'adam' }, body: { state: 'active' } });
  await t.rejects(as({ token }).people(), { code: 'session-required' }, 'lifting brings no session back');
});

t.test('a session ends after an hour, and by signing out', async (t) => {
  const { as, signIn, clock } = await runController(t);
  const first = await signIn('adam', 'admin');
  await as({ token: first }).adminSignOut();
  await t.rejects(as({ token: first }).whoAmI(), { code: 'session-required' });
  const second = await signIn('anna', 'admin');
  clock.advance(3_599_000);
  t.match(await as({ token: second }).whoAmI(), { actor: 'anna' });
  clock.advance(2000);
  await t.rejects(as({ token: second }).whoAmI(), { code: 'session-required' });
});
