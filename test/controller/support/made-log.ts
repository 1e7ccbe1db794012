/** A log that numbers make: every kind, with all that searches look at. */
import type { AccessRecord } from '#shared/contracts/record.ts';
import { recordRow } from '../../../controller/log/record-row.ts';
import type { Db } from '../../../controller/store/open-store.ts';

const people = ['ada', 'ben', 'cleo.x', 'dan_9'];
const paths = [
  '/',
  '/reports/2026/q3/export',
  '/reports/2027',
  '/pages/home',
  '/pages/home/a/b/c',
  '/Payroll/Über',
  '/a%20b/x',
];
const addresses = ['10.1.2.3', '10.1.200.7', '192.0.2.1', '2001:db8::1', '2001:db8:0:1::2', 'unknown'];

const pick = <T>(values: readonly T[], n: number): T => values[n % values.length]!;

/** `n` says all of it. */
export function recordFrom(n: number): AccessRecord {
  const kind = pick(['access', 'access', 'grant', 'admin', 'sign-in', 'log'] as const, n);
  const verdict = pick(['allow', 'deny', 'none'] as const, n >> 1);
  const time = 1_000_000 + ((n * 7919) % 5000) * 1000;
  const base: AccessRecord = {
    id: `rec_${String(n).padStart(12, '0')}`,
    time,
    kind,
    phase: 'single',
    trace: (n % 61).toString(16).padStart(8, '0').repeat(4),
    verdict,
    reasons: verdict === 'deny' ? (n % 3 === 0 ? ['no-permit', 'policy-forbid'] : ['policy-forbid']) : [],
    ...(n % 5 === 0 ? {} : { person: pick(people, n), from: pick(addresses, n >> 2) }),
  };
  if (kind === 'admin')
    return {
      ...base,
      actor: pick(people, n >> 3),
      because: `ticket ${n % 9}: "payroll" for ${pick(people, n)}`,
      event: 'person-changed',
      details: { before: { state: 'active' } },
    };
  if (kind === 'log')
    return { ...base, event: n % 4 === 1 ? 'records-read' : 'pruned', details: { search: { text: 'payroll' } } };
  if (kind !== 'access')
    return {
      ...base,
      app: pick(['wiki', 'payroll'], n),
      policies: [pick(['payroll-own', 'All Staff', 'wiki'], n)],
      session: `ses_${String(n % 7).padStart(10, '0')}`,
    };
  return {
    ...base,
    app: pick(['wiki', 'payroll'], n >> 3),
    gateway: pick(['gw-1', 'gw-2'], n),
    device: `dev_${String(n % 6).padStart(10, '0')}`,
    status: pick([200, 403, 404, 99], n >> 1),
    request: {
      method: pick(['GET', 'POST'], n),
      host: pick(['wiki.corp.example', 'PAY.example'], n),
      path: pick(paths, n >> 1),
    },
  };
}

export async function appendMade(db: Db, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++)
    await db
      .insertInto('records')
      .values(recordRow(recordFrom(n)))
      .execute();
}
