import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { type AccessRecord, accessRecord, type PersonalField, personalFields } from '#shared/contracts/record.ts';
import { type Disclosure, disclosureTexts, encodeDisclosure } from '#shared/log/disclosures.ts';
import { checkLeaf, fromLeaf, maxLeafBytes, toLeaf } from '#shared/log/leaf.ts';
import { personalColumns } from '../../controller/log/record-row.ts';
import { fromSchema } from '../fuzz/from-schema.ts';

const records = fromSchema(accessRecord).map((record) => {
  const { erased: _, ...rest } = record as AccessRecord;
  return rest as AccessRecord;
});

const access: AccessRecord = {
  id: 'rec_00000001',
  time: 1_764_072_000_000,
  kind: 'access',
  phase: 'closing',
  opening: 'rec_00000000',
  trace: '0af7651916cd43dd8448eb211c80319c',
  verdict: 'allow',
  reasons: ['grant-valid'],
  person: 'emil',
  device: 'dev_aaaaaaaa',
  app: 'payroll',
  gateway: 'gw-1',
  from: '192.0.2.77',
  request: { method: 'GET', host: 'payroll.corp', path: '/slips/emil', operation: 'read' },
  status: 200,
  facts: 'f'.repeat(64),
  actor: 'olga',
  because: 'emil asked',
  details: { before: { name: 'Emil\n‮Ä"|=]' }, after: null },
};

t.test('P34 a record is its leaf and its disclosures, whatever stands in it', async (t) => {
  fc.assert(
    fc.property(
      records,
      fc.option(fc.record({ spool: fc.string(), seq: fc.nat() }), { nil: undefined }),
      (record, place) => {
        const sealed = toLeaf(record, place);
        t.same(fromLeaf(sealed), {
          record: JSON.parse(JSON.stringify(record)),
          ...(place === undefined ? {} : { place }),
        });
        t.same(checkLeaf(sealed), []);
        t.notMatch(sealed.leaf, /[\n\r]/);
        t.ok(Buffer.byteLength(sealed.leaf) <= maxLeafBytes);
      },
    ),
    { numRuns: 300 },
  );
});

t.test('P34 digests are those of RFC 9901, with a salt of its own for each field of each record', async (t) => {
  const sealed = toLeaf(access);
  const { hidden, _sd } = JSON.parse(sealed.leaf) as { hidden: PersonalField[]; _sd: string[] };
  t.same(hidden, personalFields, 'this one has them all');
  const texts = disclosureTexts(sealed.disclosures);
  const digests = texts.map((text) => createHash('sha256').update(encodeDisclosure(text), 'ascii').digest('base64url'));
  t.same(digests, _sd);
  const [salt, name, value] = JSON.parse(
    Buffer.from(encodeDisclosure(texts[0]!), 'base64url').toString(),
  ) as Disclosure;
  t.same([Buffer.from(salt, 'base64url').length, name, value], [16, 'person', 'emil']);
  const many = Array.from({ length: 200 }, () => disclosureTexts(toLeaf(access).disclosures)).flat();
  t.equal(new Set(many.map((text) => (JSON.parse(text) as Disclosure)[0])).size, 200 * personalFields.length);
  // RFC 9901 section 4.2.1 and 4.2.3, with the text of its example as it is written there.
  const example = 'WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0';
  const digest = createHash('sha256').update(example).digest('base64url');
  t.equal(digest, 'X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0');
  t.equal(encodeDisclosure('["_26bc4LT-ac6q2KI6cBW5es", "family_name", "Möbius"]'), example);
});

t.test('P34 nothing personal is in the leaf, and erased fields leave it as it was', async (t) => {
  const sealed = toLeaf(access);
  for (const secret of ['emil', 'olga', '192.0.2.77', 'payroll.corp', 'slips', 'ffff', 'Emil', 'asked'])
    t.notMatch(sealed.leaf, secret);
  for (const gone of [['person'], ['host', 'path'], personalFields] as PersonalField[][]) {
    const left = (JSON.parse(sealed.disclosures) as Disclosure[]).filter(([, name]) => !gone.includes(name as never));
    const erased = { leaf: sealed.leaf, disclosures: JSON.stringify(left) };
    t.same(checkLeaf(erased), []);
    const { record } = fromLeaf(erased);
    t.same(record.erased, gone);
    t.equal(record.request?.path, gone.includes('path') ? '' : '/slips/emil');
    t.match(record, { request: { method: 'GET', operation: 'read' }, device: 'dev_aaaaaaaa', status: 200 });
    if (gone.includes('person')) t.notOk('person' in record);
    if (gone.length === personalFields.length)
      t.same(personalColumns(record), { person_id: null, actor: null, address: null, host: null, path: null });
  }
});

t.test('P34 a disclosure that was changed, doubled, swapped or added is named', async (t) => {
  const { leaf, disclosures } = toLeaf(access);
  const all = JSON.parse(disclosures) as Disclosure[];
  const check = (list: readonly Disclosure[]) => checkLeaf({ leaf, disclosures: JSON.stringify(list) });
  const [person, ...others] = all as [Disclosure, ...Disclosure[]];
  t.same(check([[person[0], 'person', 'eva'], ...others]), ['person is not what was written']);
  t.same(check([['AAAAAAAAAAAAAAAAAAAAAA', 'person', 'emil'], ...others]), ['person is not what was written']);
  t.same(check([person, ...all]), ['person stands there twice']);
  t.same(check([...all, [person[0], 'nickname', 'emil']]), ['nickname is not of this record']);
  t.same(check([[person[0], 'actor', 'emil'], ...others]).length, 2, 'one field for another');
});

t.test('a leaf of another form is refused', async (t) => {
  t.throws(() => fromLeaf({ leaf: '{"v":2,"hidden":[],"_sd":[]}', disclosures: '[]' }), { code: 'internal' });
});
