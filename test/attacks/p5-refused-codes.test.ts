/** Codes of every kind where they are of no use: one answer for strangers, and for the log which it was and whose. */
import t from 'tap';
import { createInvitation } from '../../controller/identity/invitations.ts';
import { resetFactors } from '../../controller/identity/set-factors.ts';
import { makeCsr } from '../../shared/crypto/csr.ts';
import { generateKeyPair } from '../../shared/crypto/keys.ts';
import { startEdge, type TestEdge } from '../controller/support/edge-one.ts';
import { begin, denials, judgeRows, newcomer, type Row, suspend } from '../controller/support/refusal-rows.ts';

const join = (edge: TestEdge, code: string) =>
  edge.stranger.gateway.join({ body: { code, csr: makeCsr(generateKeyPair()), version: 1 } });
const reset = ({ store, clock }: TestEdge, person: string) =>
  store.db.transaction().execute((trx) => resetFactors(trx, clock.now(), { person, actor: 'olga' }));
const invite = (edge: TestEdge, kind: 'device' | 'gateway' | 'factor-reset', subject: string, hours?: number) =>
  edge.store.db.transaction().execute(async (trx) => {
    const order = { kind, subject, createdBy: 'olga', ...(hours === undefined ? {} : { hours }) };
    return (await createInvitation(trx, edge.clock.now(), order)).code;
  });

const codes: readonly Omit<Row, 'code' | 'looks'>[] = [
  { what: 'an unknown code', reason: 'code-unknown', try: (edge) => edge.enrol('A'.repeat(22)) },
  {
    what: 'a used one',
    reason: 'code-used',
    record: { details: { subject: 'olga' } },
    try: async (edge) => {
      const code = await invite(edge, 'device', 'olga');
      await edge.enrol(code);
      return edge.enrol(code);
    },
  },
  {
    what: 'a voided one',
    reason: 'code-voided',
    try: async (edge) => {
      const code = await invite(edge, 'device', 'olga');
      await edge.store.db.updateTable('invitations').set({ state: 'voided' }).where('state', '=', 'open').execute();
      return edge.enrol(code);
    },
  },
  {
    what: 'one that has expired',
    reason: 'code-expired',
    try: async (edge) => {
      const code = await invite(edge, 'device', 'olga', 1);
      edge.clock.advance(3_600_001);
      return edge.enrol(code);
    },
  },
  {
    what: 'one for a person who was suspended before',
    reason: 'person-not-active',
    try: async (edge) => {
      const { id } = await newcomer(edge);
      await suspend(edge, 'person', id);
      return edge.enrol(await invite(edge, 'device', id));
    },
  },
  {
    what: 'that of a gateway',
    reason: 'code-misplaced',
    try: async (edge) => edge.enrol(await invite(edge, 'gateway', 'gw-1')),
  },
  {
    what: 'that of a reset of factors',
    reason: 'code-misplaced',
    try: async (edge) => edge.enrol((await reset(edge, (await newcomer(edge)).id)).code),
  },
  {
    what: 'that of a device, to join as a gateway',
    reason: 'code-misplaced',
    try: async (edge) => join(edge, await invite(edge, 'device', 'olga')),
  },
];

t.test('what goes wrong with a code', async (t) => {
  await judgeRows(
    t,
    codes.map((row) => ({ ...row, code: 'code-refused', looks: 'code' })),
  );
});

t.test("P5 another person's reset code is no good", async (t) => {
  const edge = await startEdge(t);
  const [one, other] = [await newcomer(edge), await newcomer(edge, 'person-2')];
  await reset(edge, one.id);
  const { code } = await reset(edge, other.id);
  const params = { flow: (await begin(one.agent)).flow };
  await t.rejects(one.agent.call.recoveryCode({ params, body: { code } }), { code: 'sign-in-refused' });
  t.match((await denials(edge)).at(-1), { person: one.id, reasons: ['code-misplaced'] });
});

t.test('P5 an attempt during a suspension does not spend the code', async (t) => {
  const edge = await startEdge(t);
  const { id } = await newcomer(edge);
  await suspend(edge, 'person', id);
  const code = await invite(edge, 'device', id);
  await t.rejects(edge.enrol(code), { code: 'code-refused' });
  await edge.store.db.updateTable('people').set({ state: 'active' }).where('id', '=', id).execute();
  t.ok(await edge.enrol(code));
});
