/** Growth of memory as a fuzz run judges it. */
import t from 'tap';
import { growth } from './growth.ts';

/** A sample every 3 s for 12 minutes; every fifth of what is held has 25 MB that wait for their collection. */
const run = (heldPerMinute: number, more = (_minutes: number) => 0, rssPerMinute = 0) =>
  Array.from({ length: 240 }, (_, block) => {
    const seconds = 3 * (block + 1);
    const minutes = seconds / 60;
    const waiting = block % 5 === 0 ? 25 : 0;
    const held = 22 + heldPerMinute * minutes + waiting + more(minutes);
    return { block, cases: 4000 * block, seconds, rss: (350 + rssPerMinute * minutes) * 2 ** 20, held: held * 2 ** 20 };
  });

t.test('what waits for its collection is no growth, however much of it there was in the end', (t) => {
  t.equal(growth(run(0)), undefined);
  // As one run of a million preludes had it: more of it late than early, and a last sample with much.
  const late = run(0, (minutes) => (minutes > 9 && Math.round(minutes * 20) % 2 === 0 ? 40 : 0));
  t.equal(growth(late), undefined);
  t.end();
});

t.test('what leaks is', (t) => {
  t.match(growth(run(6)), /^memory grows: held by [56]\.\d MB a minute, (2|3)\d MB in all$/);
  t.match(growth(run(0, undefined, 7)), /^memory grows: rss by 7\.0 MB a minute/);
  t.equal(growth(run(6).slice(0, 90)), undefined, 'a run of less than five minutes says nothing');
  t.end();
});
