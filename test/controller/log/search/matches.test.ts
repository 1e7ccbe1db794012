/** What a search means, record by record. */
import t from 'tap';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { type FilterQuery, readFilter } from '../../../../controller/log/search/filter.ts';
import { matches } from '../../../../controller/log/search/matches.ts';
import { wordsIn } from '../../../../controller/log/search/words.ts';
import { recordFrom } from '../../support/made-log.ts';

t.test('what matches is what is meant', async (t) => {
  const record = recordFrom(14);
  const is = (query: FilterQuery) => matches(record, readFilter(query));
  t.match(record, { kind: 'grant', policies: ['wiki'] }, 'the one that this is about');
  const access = recordFrom(1020);
  t.match(access, { kind: 'access' });
  for (const [query, expected] of [
    [{ policy: 'wiki' }, true],
    [{ policy: 'payroll-own' }, false],
    [{ text: 'wiki' }, true],
    [{ text: 'wik' }, false],
    [{ text: 'wik*' }, true],
    [{ trace: record.trace.slice(0, 9) }, true],
    [{ from: record.time, to: record.time }, true],
    [{ from: record.time + 1 }, false],
  ] as const)
    t.equal(is(query), expected, JSON.stringify(query));
});

t.test('addresses: exact, by network of either version, and not by what only looks alike', async (t) => {
  const from = (address: string): AccessRecord => ({ ...recordFrom(0), from: address });
  for (const [address, network, expected] of [
    ['10.1.2.3', '10.1.2.3', true],
    ['::ffff:10.1.2.3', '10.1.2.3', true],
    ['10.1.2.30', '10.1.2.3', false],
    ['10.1.2.3', '10.1.2.0/30', true],
    ['10.1.2.4', '10.1.2.0/30', false],
    ['10.1.2.3', '10.1.2.77/24', true],
    ['2001:db8:1::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:DB8::1', '2001:db8:0::1', true],
    ['not an address', '0.0.0.0/0', false],
  ] as const)
    t.equal(matches(from(address), readFilter({ address: network })), expected, `${address} in ${network}`);
});

t.test('words: whatever script, whatever capitals; no character is a wildcard but a * at the end', async (t) => {
  t.same(wordsIn('GET /Payroll/Über_uns?x'), ['get', 'payroll', 'über_uns', 'x']);
  t.same(wordsIn('工资单导出 ok'), ['工资', '资单', '单导', '导出', 'ok'], 'no spaces between words');
  const because = (text: string): AccessRecord => ({ ...recordFrom(3), because: text });
  for (const [text, query, expected] of [
    ['Die Gehälter für März', 'MÄRZ gehälter', true],
    ['请导出工资单', '工资单', true],
    ['请导出工资单', '工单', false],
    ['100%', '%', undefined],
    ['ab', 'a_', false],
    ['ticket 3', '"3 ticket"', false],
    ['ticket-3', '"ticket 3"', true],
    ['export', 'xport', false],
    ['export', 'exp*', true],
  ] as const) {
    if (expected === undefined) t.throws(() => readFilter({ text: query }), /no word in it/);
    else t.equal(matches(because(text), readFilter({ text: query })), expected, `${query} in ${text}`);
  }
});
