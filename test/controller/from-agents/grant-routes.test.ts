import t from 'tap';
import { Value } from 'typebox/value';
import { agentToController } from '#shared/contracts/agent-to-controller.ts';
import { appRoutes } from '../../../controller/from-agents/app-routes.ts';
import { grantRoutes } from '../../../controller/from-agents/grant-routes.ts';
import { postureRoutes } from '../../../controller/from-agents/posture-routes.ts';
import { deviceId, PolicyDesk, sessionId } from '../../support/policy-desk.ts';

/** A call as `serveContract` makes it, without the socket. */
const call = (desk: PolicyDesk, body?: object, over: object = {}) =>
  ({
    params: {},
    query: {},
    body,
    peer: desk.peer,
    caller: { session: { id: sessionId } },
    trace: 'd'.repeat(32),
    request: { raw: { socket: { remoteAddress: '::ffff:10.1.2.3' } } },
    reply: {},
    ...over,
  }) as never;

t.test('the routes answer as their contract says, from report to grant', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish('permit(principal, action, resource) when { context.device.firewallOn };');
  const { grants } = grantRoutes(desk.grantParts);
  const { posture } = postureRoutes(desk.postureParts);
  const { apps, device } = appRoutes({ ...desk.postureParts, organisation: 'Test' });
  const ask = { app: 'wiki', act: 'request', idleMs: 0, trace: 'e'.repeat(32) };
  await t.rejects(async () => grants(call(desk, ask)), { code: 'device-unfit' });
  const listed = await apps(call(desk));
  t.ok(Value.Check(agentToController.apps.answer, listed));
  t.same(
    listed.apps.map(({ usable }) => usable),
    [false, false],
  );
  const reported = await posture(call(desk, { report: desk.report({ firewallOn: true }) }));
  t.ok(Value.Check(agentToController.posture.answer, reported));
  const given = await grants(call(desk, ask));
  t.ok(Value.Check(agentToController.grants.answer, given));
  t.match((await desk.records('grant')).at(-1), { trace: 'e'.repeat(32), from: '10.1.2.3' }, 'the trace of the agent');
  const shown = await device(call(desk));
  t.ok(Value.Check(agentToController.device.answer, shown));
  t.match(shown, { id: deviceId, state: 'active', person: { id: 'alice' }, organisation: 'Test', postureSeconds: 60 });
  const many = await Promise.all(Array.from({ length: 40 }, () => grants(call(desk, ask))));
  t.equal(new Set(many.map(({ id }) => id)).size, 40, 'asks that come together share transactions and nothing else');
  await desk.store.stop();
});

t.test('P1 only a device has posture, apps and grants; P11 and not without end', async (t) => {
  const desk = await PolicyDesk.open();
  const gateway = { peer: { ...desk.peer, role: 'gateway' } };
  const { posture } = postureRoutes(desk.postureParts);
  for (const route of [
    grantRoutes(desk.grantParts).grants,
    posture,
    ...Object.values(appRoutes({ ...desk.postureParts, organisation: 'T' })),
  ])
    for (const over of [gateway, { peer: undefined }])
      await t.rejects(async () => route(call(desk, { app: 'wiki', act: 'request', idleMs: 0, report: '' }, over)), {
        code: 'role-refused',
      });
  for (let i = 0; i < 10; i += 1) await posture(call(desk, { report: desk.report({}) }));
  await t.rejects(async () => posture(call(desk, { report: desk.report({}) })), {
    code: 'over-budget',
    extra: { retryAfterMs: 1000 },
  });
  await desk.store.stop();
});
