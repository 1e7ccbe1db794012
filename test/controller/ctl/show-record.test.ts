/** How a record is told on one line. */
import t from 'tap';
import { lineOf } from '../../../controller/ctl/show-record.ts';

t.test('what was refused for its role says what was tried, on whom, and by whom once', async (t) => {
  const record = {
    ...{ id: 'rec_1', time: 0, kind: 'admin', phase: 'single', trace: 'c0ffee00', verdict: 'deny' },
    ...{ reasons: ['wrong-role'], event: 'refused', person: 'audrey', actor: 'audrey', because: 'curious' },
  } as const;
  const line = (details: object) => lineOf({ ...record, details } as unknown as Parameters<typeof lineOf>[0]);
  t.match(
    line({ call: 'PUT /v1/admin/people/:id', role: 'auditor', on: 'eve' }),
    /refused PUT \/v1\/admin\/people\/:id \(eve\) by audrey because "curious"$/,
  );
  t.match(line({ review: '2026-q3' }), /refused audrey by audrey because/);
});
