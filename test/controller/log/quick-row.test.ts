/** The short way of verification is taken by every record as it was written, and calls nothing whole in which the long way finds a fault. */
import fc from 'fast-check';
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { recordRow } from '../../../controller/log/record-row.ts';
import { checkRow, comparedColumns } from '../../../controller/log/verify/check-row.ts';
import { isWhole } from '../../../controller/log/verify/quick-row.ts';

const place = { gateway: 'gw-1', spool: 'spl_00000001', seq: 7, digest: '00' };
const base = {
  id: 'rec_00000000000000000001',
  time: 1_000_000,
  trace: '0'.repeat(32),
  verdict: 'allow' as const,
  reasons: ['grant-valid' as const],
};

const records: Readonly<Record<string, AccessRecord>> = {
  'an access': {
    ...base,
    kind: 'access',
    phase: 'closing',
    opening: base.id,
    person: 'emma',
    device: 'dev_1',
    from: '10.0.0.1',
    app: 'wiki',
    gateway: 'gw-1',
    grant: 'gr_1',
    request: { method: 'GET', host: 'wiki.test', path: '/a?b=%5D%2C%5B%22', operation: 'read' },
    status: 200,
  },
  'a grant': { ...base, kind: 'grant', phase: 'single', grant: 'gr_1', person: 'emma', facts: 'ab'.repeat(32) },
  'a change': {
    ...base,
    kind: 'admin',
    phase: 'single',
    event: 'person-changed',
    actor: 'olga',
    because: 'a "quoted" \\ reason\nof two lines],["x"]',
    details: { before: ['a'], after: [['a'], ['b', ']']], list: [1, null] },
  },
  'nothing personal': { ...base, kind: 'controller', phase: 'single', event: 'started', reasons: [] },
};

interface Row {
  readonly leaf: string;
  readonly disclosures: string;
  readonly columns: readonly unknown[];
}

function rowOf(record: AccessRecord): Row {
  const row = recordRow(record, record.gateway === undefined ? undefined : place) as Readonly<Record<string, unknown>>;
  const { leaf, disclosures } = row as unknown as Row;
  return { leaf, disclosures, columns: comparedColumns.map((name) => row[name]) };
}

const whole = ({ columns, ...row }: Row) => isWhole({ ...row, together: JSON.stringify(columns) });
const faults = ({ columns, ...row }: Row) => checkRow({ ...row, together: JSON.stringify(columns) }, () => columns);

t.test('each kind of record as it was written', async (t) => {
  for (const [what, record] of Object.entries(records)) t.ok(whole(rowOf(record)), what);
});

t.test('each column that is another, and each value that is erased', async (t) => {
  for (const [what, record] of Object.entries(records)) {
    const row = rowOf(record);
    for (const [at, value] of row.columns.entries()) {
      for (const other of [value === null ? 'x' : null, 'other', 3]) {
        const columns = row.columns.with(at, other);
        t.notOk(whole({ ...row, columns }), `${what}: ${comparedColumns[at]}`);
        t.same(faults({ ...row, columns }).wrong, [`column ${comparedColumns[at]} is not what was written`]);
      }
    }
    const shown = JSON.parse(row.disclosures) as unknown[];
    for (const [at] of shown.entries()) {
      const disclosures = JSON.stringify(shown.toSpliced(at, 1));
      t.notOk(whole({ ...row, disclosures }), `${what}: without disclosure ${at}`);
      const swapped = JSON.stringify([...shown.toSpliced(at, 1), shown[at]]);
      t.equal(whole({ ...row, disclosures: swapped }), at === shown.length - 1, `${what}: disclosure ${at} at the end`);
    }
    t.notOk(whole({ ...row, disclosures: `${row.disclosures} ` }), 'more behind the list');
  }
});

t.test('what the short way calls whole the long way calls whole', async () => {
  const rows = Object.values(records).map(rowOf);
  const piece = fc.constantFrom(
    '',
    '"',
    '\\',
    ']',
    '],["',
    ',',
    '[',
    'x',
    '0',
    'null',
    '\u2028',
    '\ud800',
    'person',
    '[["',
  );
  const edit = fc.record({
    at: fc.nat(2000),
    drop: fc.nat(3),
    put: piece,
    field: fc.constantFrom('leaf', 'disclosures'),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...rows),
      fc.array(edit, { maxLength: 2 }),
      fc.nat(100),
      piece,
      (row, edits, column, put) => {
        const texts = { leaf: row.leaf, disclosures: row.disclosures };
        for (const { at, drop, put: text, field } of edits) {
          const before = texts[field as 'leaf'];
          const from = at % (before.length + 1);
          texts[field as 'leaf'] = before.slice(0, from) + text + before.slice(from + drop);
        }
        const columns = column < row.columns.length ? row.columns.with(column, put) : row.columns;
        const other = { ...texts, columns };
        if (!whole(other)) return;
        const { wrong, erased } = faults(other);
        if (wrong.length > 0 || erased) throw new Error(`${wrong} ${JSON.stringify(other)}`);
      },
    ),
    { numRuns: 20_000 },
  );
});
