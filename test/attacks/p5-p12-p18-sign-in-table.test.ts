/**
 * The table of sign-in and enrolment over the controller's real edge: each refusal has its reason in the log, and tells a stranger
 * nothing that another refusal of its kind does not.
 */
import t from 'tap';
import { readIssuer } from '../../controller/authority/certificate-authorities.ts';
import { currentTotp } from '../../shared/crypto/totp.ts';
import { goodPassword, peerCalls } from '../controller/support/edge-one.ts';
import { begin, codeOf, judgeRows, newcomer, type Row, suspend, toCode } from '../controller/support/refusal-rows.ts';
import { forgedLeaf } from '../support/bad-leaves.ts';

const wrongPassword = 'certainly not this one';

const table: readonly Row[] = [
  {
    what: 'a wrong password',
    code: 'sign-in-refused',
    reason: 'wrong-password',
    looks: 'wrong',
    secrets: [wrongPassword],
    try: async (edge) => {
      const { agent } = await newcomer(edge);
      return agent.call.password({ params: { flow: (await begin(agent)).flow }, body: { password: wrongPassword } });
    },
  },
  {
    what: 'a wrong code',
    code: 'sign-in-refused',
    reason: 'wrong-code',
    looks: 'wrong',
    try: async (edge) => {
      const { agent } = await newcomer(edge);
      return agent.call.totp({ params: await toCode(agent), body: { code: '000000' } });
    },
  },
  {
    what: 'what is no code at all',
    code: 'sign-in-refused',
    reason: 'wrong-code',
    looks: 'wrong',
    try: async (edge) => {
      const { agent } = await newcomer(edge);
      return agent.call.totp({ params: await toCode(agent), body: { code: "' or 1=1" } });
    },
  },
  {
    what: 'a code that was used before',
    code: 'sign-in-refused',
    reason: 'code-used',
    looks: 'wrong',
    try: async (edge) => {
      const who = await newcomer(edge);
      edge.clock.advance(30_000);
      const body = { code: codeOf(edge, who) };
      await who.agent.call.totp({ params: await toCode(who.agent), body });
      return who.agent.call.totp({ params: await toCode(who.agent), body });
    },
  },
  {
    what: 'a code on two connections at one instant',
    code: 'sign-in-refused',
    reason: 'code-used',
    looks: 'wrong',
    try: async (edge) => {
      const who = await newcomer(edge);
      const second = await edge.enrol(await edge.invite({ subject: who.id }));
      edge.clock.advance(30_000);
      const body = { code: codeOf(edge, who) };
      const flows = [await toCode(who.agent), await toCode(second)] as const;
      const both = await Promise.allSettled([
        who.agent.call.totp({ params: flows[0], body }),
        second.call.totp({ params: flows[1], body }),
      ]);
      const refused = both.filter((one) => one.status === 'rejected');
      if (refused.length !== 1) throw new Error(`${refused.length} were refused`);
      throw refused[0]!.reason;
    },
  },
  {
    what: 'a recovery code that was used before',
    code: 'sign-in-refused',
    reason: 'code-used',
    looks: 'wrong',
    try: async (edge) => {
      const { agent, recoveryCodes } = await newcomer(edge);
      const body = { code: recoveryCodes[0]! };
      await agent.call.recoveryCode({ params: await toCode(agent), body });
      return agent.call.recoveryCode({ params: await toCode(agent), body });
    },
  },
  {
    what: 'an authenticator that was disabled',
    code: 'sign-in-refused',
    reason: 'no-factor',
    looks: 'wrong',
    try: async (edge) => {
      const who = await newcomer(edge);
      await edge.store.db
        .updateTable('factors')
        .set({ state: 'disabled' })
        .where('person_id', '=', who.id)
        .where('kind', '=', 'totp')
        .execute();
      edge.clock.advance(30_000);
      return who.agent.call.totp({ params: await toCode(who.agent), body: { code: codeOf(edge, who) } });
    },
  },
  {
    what: 'the fifth guess, and the right answer after it',
    code: 'sign-in-throttled',
    reason: 'throttled',
    looks: 'throttled',
    try: async (edge) => {
      const who = await newcomer(edge);
      const elsewhere = await edge.enrol(await edge.invite({ subject: who.id }));
      const params = { flow: (await begin(elsewhere)).flow };
      for (let i = 0; i < 5; i += 1)
        await elsewhere.call.password({ params, body: { password: wrongPassword } }).catch(() => undefined);
      // P12 of the throttle: whoever guesses does not lock the person out, who signs in at the same moment elsewhere.
      await who.agent.call.totp({
        params: await toCode(who.agent),
        body: { code: currentTotp(who.secret, edge.clock.now() + 30_000) },
      });
      return elsewhere.call.password({ params, body: { password: goodPassword } });
    },
  },
  {
    what: 'a suspended person',
    code: 'device-suspended',
    reason: 'person-not-active',
    looks: 'out of service',
    try: async (edge) => {
      const who = await newcomer(edge);
      await suspend(edge, 'person', who.id);
      return begin(who.agent);
    },
  },
  {
    what: 'a suspended device',
    code: 'device-suspended',
    reason: 'device-not-active',
    looks: 'out of service',
    try: async (edge) => {
      const who = await newcomer(edge);
      await suspend(edge, 'device', who.agent.id);
      return begin(who.agent);
    },
  },
  {
    what: 'a device that was never enrolled, with a certificate of our own CA',
    code: 'device-suspended',
    reason: 'device-not-active',
    looks: 'out of service',
    record: { device: 'dev_neverseen', person: undefined },
    try: async (edge) => {
      const issuer = (await readIssuer(edge.store.db, edge.sealer, 'issuing'))!;
      const place = { issuer, trustDomain: 'test.example', role: 'device', id: 'dev_neverseen' } as const;
      const { key: privateKey, certificate, chain } = await forgedLeaf(place);
      const stranger = peerCalls(t, edge, { privateKey, certificate, chain }, () => undefined);
      return stranger.call.signIn({ body: { purpose: 'sign-in' } });
    },
  },
  {
    what: 'a session of another device',
    code: 'session-required',
    reason: 'wrong-device',
    looks: 'no session',
    try: async (edge) => {
      const who = await newcomer(edge);
      const second = await edge.enrol(await edge.invite({ subject: who.id }));
      await second.signIn(who.secret);
      second.state.secret = who.session.secret;
      return second.me.me();
    },
  },
  {
    what: 'a flow of another device',
    code: 'sign-in-flow',
    reason: 'wrong-device',
    looks: 'no flow',
    try: async (edge) => {
      const who = await newcomer(edge);
      const second = await edge.enrol(await edge.invite({ subject: who.id }));
      const params = { flow: (await begin(who.agent)).flow };
      return second.call.password({ params, body: { password: goodPassword } });
    },
  },
  {
    what: 'a flow that never was',
    code: 'sign-in-flow',
    reason: 'flow-ended',
    looks: 'no flow',
    try: async (edge) => {
      const { agent } = await newcomer(edge);
      return agent.call.password({ params: { flow: 'flow_0000000000000000' }, body: { password: goodPassword } });
    },
  },
  {
    what: 'a guess on the device of a forwarded invitation',
    code: 'sign-in-refused',
    reason: 'wrong-password',
    looks: 'wrong',
    try: async (edge) => {
      const who = await newcomer(edge);
      const thief = await edge.enrol(await edge.invite({ subject: who.id }));
      if (thief.answer.state !== 'pending' || thief.answer.firstFactors) throw new Error('the device may set factors');
      return thief.call.password({ params: { flow: (await begin(thief)).flow }, body: { password: wrongPassword } });
    },
  },
  {
    what: 'a change of password by whoever has the session',
    code: 'sign-in-refused',
    reason: 'wrong-password',
    looks: 'wrong',
    record: { kind: 'factor', event: 'password-change-refused' },
    secrets: [wrongPassword],
    try: async (edge) => {
      const { agent } = await newcomer(edge);
      return agent.me.changePassword({ body: { current: wrongPassword, next: 'something quite new 42' } });
    },
  },
];

t.test('what goes wrong at a sign-in', async (t) => {
  const same = await judgeRows(t, table);
  t.same([...same.keys()].sort(), ['no flow', 'no session', 'out of service', 'throttled', 'wrong']);
});
