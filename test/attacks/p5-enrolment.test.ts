/** Getting a device in by somebody else's invitation (P1, P3, P5). */
import { sign } from 'node:crypto';
import t from 'tap';
import { approveDevice, setDeviceState } from '../../controller/identity/device-state.ts';
import { setPersonState } from '../../controller/identity/person-state.ts';
import { second } from '../../shared/base/clock.ts';
import { makeCsr } from '../../shared/crypto/csr.ts';
import { generateKeyPair } from '../../shared/crypto/keys.ts';
import { fromPem, toPem } from '../../shared/crypto/pem.ts';
import { peerCalls, startEdge } from '../controller/support/edge-one.ts';

const facts = { os: 'linux', hostName: 'laptop' } as const;

t.test('P5 a code enrols one device, also when two come at one instant', async (t) => {
  const edge = await startEdge(t);
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => edge.enrol(edge.ownerCode)));
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const result of results) if (result.status === 'rejected') t.match(result.reason, { code: 'code-refused' });
  t.equal((await edge.store.db.selectFrom('devices').select('id').execute()).length, 1);
  await t.rejects(edge.enrol(edge.ownerCode), { code: 'code-refused' }, 'a second use');
  const denied = await edge.store.db.selectFrom('records').select('reason').where('verdict', '=', 'deny').execute();
  t.ok(denied.length >= 6 && denied.every(({ reason }) => reason === 'code-used'));
});

t.test('P5 used, voided, expired, unknown and foreign codes get one answer', async (t) => {
  const edge = await startEdge(t);
  const { store, clock } = edge;
  const voided = await edge.invite({ subject: 'olga' });
  await store.db.updateTable('invitations').set({ state: 'voided' }).execute();
  const expired = await edge.invite({ subject: 'olga', hours: 1 });
  const gateway = await edge.invite({ subject: 'gw-1', kind: 'gateway' });
  await edge.addPerson('sam');
  await store.db
    .transaction()
    .execute((trx) => setPersonState(trx, clock.now(), { id: 'sam', state: 'suspended', actor: 'x' }));
  // Made after the suspension: those from before it are void anyway.
  const suspended = await edge.invite({ subject: 'sam' });
  clock.advance(3_600_001);
  const seen = new Set<string>();
  for (const code of [voided, expired, gateway, suspended, 'A'.repeat(22), edge.ownerCode]) {
    const answer = await edge.enrol(code).then(
      () => 'let in',
      (error: { code: string; message: string }) => `${error.code} ${error.message}`,
    );
    seen.add(answer);
  }
  t.equal(seen.size, 1, [...seen].join());
  t.match([...seen][0], /^code-refused/);
});

t.test('P5 a forwarded invitation for a person who has factors stays pending and opens nothing', async (t) => {
  const edge = await startEdge(t);
  const real = await edge.enrol(edge.ownerCode);
  await real.signInFirst();
  const thief = await edge.enrol(await edge.invite({ subject: 'olga' }));
  t.match(thief.answer, { state: 'pending', firstFactors: false });
  const { flow, step } = await thief.call.signIn({ body: { purpose: 'sign-in' } });
  t.equal(step, 'password', 'no way to set factors');
  for (const password of ['guess number one', 'guess number two']) {
    await t.rejects(thief.call.password({ params: { flow }, body: { password } }), { code: 'sign-in-refused' });
  }
  await t.rejects(thief.call.setPassword({ params: { flow }, body: { password: 'a good long one' } }), {
    code: 'sign-in-flow',
  });
  thief.state.secret = real.state.secret;
  await t.rejects(thief.me.me(), { code: 'session-required' }, 'a session of another device');
});

t.test('P5 of two first devices only one sets first factors; the other waits for them', async (t) => {
  const edge = await startEdge(t);
  const one = await edge.enrol(edge.ownerCode);
  const two = await edge.enrol(await edge.invite({ subject: 'olga' }));
  t.ok(one.answer.firstFactors && two.answer.firstFactors);
  const waiting = await two.call.signIn({ body: { purpose: 'sign-in' } });
  t.equal(waiting.step, 'set-password');
  await one.signInFirst();
  await t.rejects(two.setFactors(waiting.flow), { code: 'sign-in-flow' }, 'the flow that was already open loses');
  t.equal((await edge.store.db.selectFrom('factors').select('id').execute()).length, 2);
  t.equal((await two.call.signIn({ body: { purpose: 'sign-in' } })).step, 'password');
  const states = await edge.store.db.selectFrom('devices').select('state').orderBy('enrolled_at').execute();
  t.same(states.map(({ state }) => state).sort(), ['active', 'pending']);
});

t.test('P5 where an approval is asked for, nobody sets factors before the fingerprint was compared', async (t) => {
  const edge = await startEdge(t);
  const { store, clock } = edge;
  await edge.addPerson('nina');
  const agent = await edge.enrol(await edge.invite({ subject: 'nina', approval: 'code' }));
  await t.rejects(agent.call.signIn({ body: { purpose: 'sign-in' } }), { code: 'device-pending' });
  const approve = (fingerprint: string) =>
    store.db
      .transaction()
      .execute((trx) => approveDevice(trx, clock.now(), { id: agent.id, fingerprint, actor: 'olga' }));
  await t.rejects(approve('0000-0000-0000-0000-0000'), { code: 'bad-request' });
  await approve(agent.answer.fingerprint.toUpperCase());
  await t.rejects(approve(agent.answer.fingerprint), { code: 'conflict' });
  const { secret } = await agent.signInFirst();
  t.ok(await agent.me.me());

  const next = await edge.enrol(await edge.invite({ subject: 'nina', approval: 'code' }));
  await next.signIn(secret);
  await t.rejects(next.me.me(), { code: 'device-pending' }, 'factors alone do not replace the comparison');

  await store.db.insertInto('inventory').values({ serial: 'SN-1' }).execute();
  const unlisted = await edge.enrol(await edge.invite({ subject: 'nina', approval: 'inventory' }), { serial: 'SN-2' });
  await unlisted.signIn(secret);
  await t.rejects(unlisted.me.me(), { code: 'device-pending' });
  const listed = await edge.enrol(await edge.invite({ subject: 'nina', approval: 'inventory' }), { serial: 'SN-1' });
  await listed.signIn(secret);
  t.ok(await listed.me.me());
});

t.test('P5 suspending and lifting is no way around the approval', async (t) => {
  const edge = await startEdge(t);
  const { store, clock } = edge;
  const agent = await edge.enrol(edge.ownerCode);
  for (const state of ['suspended', 'active'] as const) {
    await store.db
      .transaction()
      .execute((trx) => setDeviceState(trx, clock.now(), { id: agent.id, state, actor: 'x' }));
  }
  const row = await store.db.selectFrom('devices').select(['state', 'first_factors']).executeTakeFirstOrThrow();
  t.same({ ...row }, { state: 'pending', first_factors: 0 });
});

t.test('P5 names in a request are ignored, and a key stands for one device only', async (t) => {
  const edge = await startEdge(t);
  const keys = generateKeyPair();
  const agent = await edge.enrol(edge.ownerCode, { keys });
  t.match(agent.answer.certificate, 'BEGIN CERTIFICATE');
  const code = await edge.invite({ subject: 'olga' });
  await t.rejects(edge.enrol(code, { keys }), { code: 'csr-refused' });
  t.ok(await edge.enrol(code), 'the code was not spent by it');
  const der = fromPem('CERTIFICATE REQUEST', makeCsr(generateKeyPair()))!;
  der[der.length - 1]! ^= 1;
  const broken = toPem('CERTIFICATE REQUEST', der);
  await t.rejects(
    edge.stranger.agent.enrol({
      body: { code: await edge.invite({ subject: 'olga' }), csr: broken, facts, version: 1 },
    }),
    { code: 'csr-refused' },
  );
});

t.test('P5 guessing is slowed down by source, and the answer is the same for a good code then', async (t) => {
  const edge = await startEdge(t);
  let throttled: { code: string; extra?: Record<string, unknown> } | undefined;
  for (let n = 0; n < 25 && throttled === undefined; n += 1) {
    const error = await edge.enrol(`${'B'.repeat(20)}${String(n).padStart(2, '0')}`).catch((thrown) => thrown);
    if (error.code === 'sign-in-throttled') throttled = error;
  }
  t.match(throttled, { extra: { retryAfterMs: Number } });
  await t.rejects(edge.enrol(edge.ownerCode), { code: 'sign-in-throttled' });
  edge.clock.advance(30 * second);
  t.ok(await edge.enrol(edge.ownerCode));
});

t.test('P1 a gateway and a device cannot play each other', async (t) => {
  const edge = await startEdge(t);
  const { store } = edge;
  const row = { id: 'gw-1', site: 'main', address: '127.0.0.1:8444', state: 'invited', jkt: null, public_jwk: null };
  const rest = {
    certificate_serial: null,
    certificate_ends_at: null,
    identity_jwk: null,
    generation: null,
    through: 0,
  };
  await store.db
    .insertInto('gateways')
    .values({ ...row, ...rest, last_seen_at: null, joined_at: null, door: 'none', knock_ports: '', prelude_port: 0 })
    .execute();
  const code = await edge.invite({ subject: 'gw-1', kind: 'gateway' });
  const keys = generateKeyPair();
  const joined = await edge.stranger.gateway.join({ body: { code, csr: makeCsr(keys), version: 1 } });
  t.match(joined, { gateway: 'gw-1', site: 'main', trustDomain: 'test.example' });
  await t.rejects(edge.stranger.gateway.join({ body: { code, csr: makeCsr(generateKeyPair()), version: 1 } }), {
    code: 'code-refused',
  });
  const { certificate, chain } = joined;
  const gateway = peerCalls(t, edge, { privateKey: keys.privateKey, certificate, chain }, () => undefined);
  const jwk = keys.publicKey.export({ format: 'jwk' }) as never;
  await gateway.gateway.identityKey({ body: { jwk } });
  await t.rejects(gateway.call.signIn({ body: { purpose: 'sign-in' } }), { code: 'role-refused' });
  await t.rejects(gateway.call.renew({ body: { csr: makeCsr(keys) } }), { code: 'role-refused' });
  await t.rejects(gateway.me.me(), { code: 'role-refused' });

  const agent = await edge.enrol(edge.ownerCode);
  await t.rejects(agent.gateway.identityKey({ body: { jwk } }), { code: 'role-refused' });
  await agent.signInFirst();
  await t.rejects(agent.gateway.identityKey({ body: { jwk } }), { code: 'role-refused' });

  const own = edge.authority.ownCertificate();
  const asController = peerCalls(t, edge, { privateKey: own.key, ...own }, () => undefined);
  await t.rejects(asController.call.apps(), /.*/, 'a controller is no client here');

  await t.test('and a gateway that joined anew is no longer the old one', async (t) => {
    const again = await edge.invite({ subject: 'gw-1', kind: 'gateway' });
    await edge.stranger.gateway.join({ body: { code: again, csr: makeCsr(generateKeyPair()), version: 1 } });
    await t.rejects(gateway.gateway.identityKey({ body: { jwk } }), { code: 'certificate-refused' });
  });
});

t.test('P3 the mutual server serves nobody without a certificate, and the bootstrap server nothing else', async (t) => {
  const edge = await startEdge(t);
  const { agentToController } = await import('../../shared/contracts/agent-to-controller.ts');
  const { callContract } = await import('../../shared/wire/call-contract.ts');
  const { makeDispatcher } = await import('../../shared/wire/make-dispatcher.ts');
  const { clientTlsOptions } = await import('../../shared/wire/mutual-tls.ts');
  const { authority, clock } = edge;
  const tls = { bundle: authority.bundle(), trustDomain: 'test.example', role: 'controller', clock } as const;
  const dispatcher = makeDispatcher(() => clientTlsOptions(tls));
  t.teardown(() => dispatcher.destroy());
  const naked = callContract(agentToController, { dispatcher, origin: edge.origin.mutual });
  await t.rejects(naked.signIn({ body: { purpose: 'sign-in' } }), { code: 'unreachable' });
  const wrongDoor = callContract(agentToController, { dispatcher, origin: edge.origin.bootstrap });
  await t.rejects(wrongDoor.signIn({ body: { purpose: 'sign-in' } }), { code: 'not-found' });
});

t.test('P4 a certificate is renewed for the key on record, and for no other', async (t) => {
  const edge = await startEdge(t);
  const agent = await edge.enrol(edge.ownerCode);
  const renewed = await agent.call.renew({ body: { csr: makeCsr(agent.keys) } });
  t.not(renewed.certificate, agent.answer.certificate);
  const next = generateKeyPair();
  await t.rejects(agent.call.renew({ body: { csr: makeCsr(next) } }), { code: 'csr-refused' });

  const csr = makeCsr(next);
  const signedBy = (keys: typeof next) =>
    sign('sha256', Buffer.from(`postern-rekey\n${csr}`), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' }).toString(
      'base64url',
    );
  await t.rejects(agent.call.rekey({ body: { csr, oldSignature: signedBy(next) } }), { code: 'csr-refused' });
  const rekeyed = await agent.call.rekey({ body: { csr, oldSignature: signedBy(agent.keys) } });
  await t.rejects(agent.call.apps(), { code: 'certificate-refused' }, 'the old key is out of use at once');
  const { certificate, chain } = rekeyed;
  const moved = peerCalls(t, edge, { privateKey: next.privateKey, certificate, chain }, () => undefined);
  await t.rejects(moved.call.apps(), { code: 'session-required' }, 'the new one is known');
});
