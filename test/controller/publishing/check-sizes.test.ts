/** P11: what is left undecided has to fit into a grant, for whomever it is. */
import t from 'tap';
import { refuseTooLarge } from '../../../controller/publishing/check-sizes.ts';
import { rollbackPolicy } from '../../../controller/publishing/publish.ts';
import { PolicyDesk, wikiApp } from '../../support/policy-desk.ts';
import { GatewaySpool } from '../../support/recorded-accesses.ts';

const staff = '@id("staff") permit(principal in Group::"staff", action, resource);';
const secrets = (name: string, count: number, more = '') => `@id("${name}")
  forbid(principal, action == Action::"request", resource == App::"wiki") when { ${more}(${Array.from(
    { length: count },
    (_, at) => `context.request.path like "/${name}/${at}/*"`,
  ).join(' || ')}) };`;
const setWiki = (desk: PolicyDesk, app: object) =>
  desk.db
    .updateTable('apps')
    .set({ definition: JSON.stringify({ ...wikiApp, ...app }) })
    .where('id', '=', 'wiki')
    .execute();

t.test('P11 a version whose undecided part does not fit is refused, with names, sizes and what to do', async (t) => {
  const desk = await PolicyDesk.open();
  await desk.publish(staff);
  const { claims } = await desk.grant();
  const spool = new GatewaySpool(desk);
  for (let n = 0; n < 72; n += 1) await spool.deliver(spool.access(claims));
  const large = `${staff} ${secrets('hidden', 40)}`;
  const refused = await desk.publish(large).catch((error) => error);
  t.match(refused, { code: 'policy-too-large' });
  t.match(refused.tell, /App wiki: .* for alice takes 1\d\d\d bytes, and a grant has \d\d\d for it \("hidden"\)/);
  t.match(refused.tell, /posternctl app set wiki --exact-request\): at most 0\.02 grants a second/);
  t.equal(desk.policy.current()?.epoch, 1, 'the version in force stays');
  t.ok(await desk.publish(`${staff} ${secrets('hidden', 6)}`), 'a few fit');
  await setWiki(desk, { exactRequest: true });
  t.equal((await desk.publish(large)).epoch, 3, 'an app that is granted request by request has no such limit');
  const sized = { set: desk.policy.current()!, at: desk.now, timezone: 'UTC' };
  await setWiki(desk, {});
  await t.rejects(refuseTooLarge(desk.db, sized), { code: 'policy-too-large' }, 'nor can the mark be taken off it');
  t.equal(await refuseTooLarge(desk.db, { ...sized, only: 'ssh' }), undefined);
  await desk.store.stop();
});

t.test('P11 for any person: those in other groups, with other facts, on a device that nobody has yet', async (t) => {
  const desk = await PolicyDesk.open();
  const of = (text: string) => desk.publish(`${staff} ${text}`);
  await of(secrets('others', 40).replace('principal,', 'principal in Group::"finance",')).catch((error) =>
    t.match(error, { code: 'policy-invalid' }, 'there is no such group'),
  );
  await desk.db.insertInto('groups').values({ id: 'finance', name: 'Finance', created_at: 0 }).execute();
  const finance = secrets('others', 40).replace('principal,', 'principal in Group::"finance",');
  t.ok(await of(finance), 'nobody is in it');
  await desk.db.insertInto('group_members').values({ group_id: 'finance', person_id: 'alice' }).execute();
  await t.rejects(of(finance), { code: 'policy-too-large' });
  await t.rejects(of(secrets('good', 40, 'context.device.firewallOn && ')), { code: 'policy-too-large' });
  await t.rejects(of(secrets('bad', 40, '!context.device.firewallOn && ')), { code: 'policy-too-large' });
  t.ok(
    await of(secrets('never', 40, 'context.session.secondFactorAge > 4000000000 && ')),
    'what is certain takes nothing',
  );
  await desk.store.stop();
});

t.test('P6 a former version can be had back all the same', async (t) => {
  const desk = await PolicyDesk.open();
  await setWiki(desk, { exactRequest: true });
  await desk.publish(`${staff} ${secrets('hidden', 40)}`);
  await desk.publish(staff);
  await setWiki(desk, {});
  const back = await rollbackPolicy(desk.publishParts, 1, { message: 'undo', actor: 'owner', because: 'broken' });
  t.equal(back.epoch, 3);
  t.match(back.warnings, [{ message: /takes \d+ bytes/ }], 'and it is told');
  await desk.store.stop();
});

t.test('P11 beside a permit for everything, permits that change no verdict give way', async (t) => {
  const desk = await PolicyDesk.open();
  const paths = Array.from({ length: 40 }, (_, at) => `context.request.path like "/open/${at}/*"`).join(' || ');
  const open = `@id("open") permit(principal, action == Action::"request", resource) when { ${paths} };`;
  await desk.publish(`${staff} ${open}`);
  const { claims } = await desk.grant();
  t.same(claims.rules, { v: 2, permits: [{ p: 0 }], forbids: [] });
  await t.rejects(desk.publish(open), { code: 'policy-too-large' }, 'where there is none, they are needed');
  await desk.store.stop();
});
