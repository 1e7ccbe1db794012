import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { TouchedSum } from '../../../controller/log/sum-touched.ts';

const trace = 'a'.repeat(32);
const record = (changes: Partial<AccessRecord>): AccessRecord => ({
  id: 'rec_00000000',
  time: 0,
  kind: 'access',
  phase: 'single',
  trace,
  verdict: 'allow',
  reasons: [],
  person: 'emma',
  device: 'dev_00000001',
  app: 'wiki',
  gateway: 'gw-main',
  from: '192.0.2.1',
  request: { method: 'GET', host: 'wiki.test', path: '/a' },
  ...changes,
});

/** As the log has them; they are read backwards. */
function sumOf(records: readonly AccessRecord[], device?: string) {
  const sum = new TouchedSum({ device });
  for (const one of records.toReversed()) sum.add(one);
  return sum.sums();
}

t.test('P24 no gateway ends an access of another, whatever it says', async (t) => {
  const { apps } = sumOf([
    record({ id: 'rec_00000001', phase: 'opening', time: 10 }),
    record({ phase: 'closing', opening: 'rec_00000001', bytesDown: 150, bytesUp: 2, time: 30 }),
    record({ gateway: 'gw-evil', phase: 'closing', opening: 'rec_00000001', bytesDown: 0, bytesUp: 0, time: 40 }),
  ]);
  t.match(apps, [{ accesses: 1, running: 0, bytesDown: 150 }]);
  t.match(
    sumOf([
      record({ id: 'rec_00000001', phase: 'opening', time: 10 }),
      record({ gateway: 'gw-evil', phase: 'closing', opening: 'rec_00000001', bytesDown: 0, bytesUp: 0, time: 40 }),
    ]).apps,
    [{ accesses: 1, running: 1 }],
  );
});

t.test('an access is counted once, whatever is told of it, with its last word on bytes', async (t) => {
  const { apps } = sumOf([
    record({ id: 'rec_00000001', phase: 'opening', time: 10 }),
    record({ phase: 'progress', opening: 'rec_00000001', bytesDown: 100, bytesUp: 1, time: 20 }),
    record({ phase: 'closing', opening: 'rec_00000001', bytesDown: 150, bytesUp: 2, time: 30 }),
    record({
      id: 'rec_00000002',
      phase: 'opening',
      time: 40,
      request: { method: 'GET', host: 'h', path: '/b', operation: 'export' },
    }),
    record({ phase: 'progress', opening: 'rec_00000002', bytesDown: 7, bytesUp: 0, time: 50 }),
    record({ phase: 'progress', opening: 'rec_00000002', bytesDown: 9, bytesUp: 0, time: 60 }),
    record({ verdict: 'deny', reasons: ['rules-refused'], count: 3, time: 70 }),
    // Began before the time of the report.
    record({ phase: 'closing', opening: 'rec_before00', bytesDown: 1000, bytesUp: 0, time: 5, app: 'files' }),
  ]);
  t.match(apps, [
    {
      app: 'wiki',
      accesses: 2,
      running: 1,
      denied: 3,
      bytesUp: 2,
      bytesDown: 159,
      first: 10,
      last: 70,
      requests: [
        { request: 'GET /a', count: 1, denied: 3 },
        { request: 'export', count: 1, denied: 0 },
      ],
    },
    { app: 'files', accesses: 0, bytesDown: 1000 },
  ]);
});

t.test("of a device's person what happened elsewhere is told, but is not the device's access", async (t) => {
  const other = { device: 'dev_00000002', from: '198.51.100.9' };
  const sums = sumOf(
    [
      record({ id: 'rec_00000001', phase: 'opening', time: 10 }),
      record({ id: 'rec_00000003', phase: 'opening', time: 11, ...other }),
      record({
        kind: 'sign-in',
        verdict: 'deny',
        reasons: ['wrong-code'],
        time: 12,
        event: 'step-refused',
        details: { method: 'totp' },
        ...other,
      }),
      record({ kind: 'factor', verdict: 'none', time: 13, event: 'totp-added', ...other }),
      record({ kind: 'admin', time: 14, actor: 'adam', event: 'invited' }),
    ],
    'dev_00000001',
  );
  t.match(sums.apps, [{ app: 'wiki', accesses: 1 }]);
  t.match(sums.addresses, [{ address: '192.0.2.1', records: 1 }], 'nor its addresses, nor those of administrators');
  t.same(sums.denied, []);
  t.match(sums.signIns, [
    { verdict: 'deny', what: 'step-refused totp wrong-code', device: 'dev_00000002', address: '198.51.100.9' },
  ]);
  t.match(sums.changes, [
    { kind: 'admin', what: 'invited', by: 'adam' },
    { kind: 'factor', what: 'totp-added', device: 'dev_00000002' },
  ]);
  t.equal(sums.devices.get('dev_00000002')?.records, 3);
});
