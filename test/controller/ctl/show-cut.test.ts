import t from 'tap';
import { clockTime, readTime, span } from '../../../controller/ctl/show.ts';
import { cutLines } from '../../../controller/ctl/show-cut.ts';

t.test('a cut is told gateway by gateway, and what is not confirmed is not called done', async (t) => {
  const now = Date.parse('2026-11-20T14:02:29Z');
  const ends = now + 41_000;
  const applied = { gateway: 'gw-main', state: 'applied', appliedAfterMs: 34, streamsCut: 3 } as const;
  const waiting = { gateway: 'gw-b', state: 'waiting', streamsCut: 0, lastGrantEndsAt: ends } as const;
  const report = { change: 7, at: now, grants: 2, sessions: 1, gateways: [applied, waiting], complete: false };
  t.same(cutLines(report, now), [
    '2 grants taken back, 1 session ended',
    'gateway gw-main: applied after 34 ms, 3 streams cut',
    `gateway gw-b: NOT confirmed; its last grant ends at ${clockTime(ends)} (in 41 s)`,
    'Not complete. Look again: posternctl cut 7',
  ]);
  t.same(cutLines({ ...report, gateways: [], complete: true }, now), [
    '2 grants taken back, 1 session ended',
    'no gateway is in service',
  ]);
});

t.test('times', async (t) => {
  t.equal(readTime('15m', 1_000_000), 100_000);
  t.equal(readTime('2026-11-20T00:00:00Z', 0), Date.parse('2026-11-20'));
  t.throws(() => readTime('soon', 0), { code: 'bad-request' });
  t.equal(span(90_000), '90 s');
  t.equal(span(3 * 3_600_000), '3 h');
});
