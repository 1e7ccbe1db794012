import t from 'tap';
import { chargeAttempt, forgiveAttempt, personRule } from '../../../controller/identity/throttle.ts';
import { day, hour, second } from '../../../shared/base/clock.ts';
import { openTestController } from '../support/open-controller.ts';

t.test('delays double up to an hour, end by themselves, and are forgotten after a day', async (t) => {
  const { store } = await openTestController(t);
  const charge = (at: number) => store.db.transaction().execute((trx) => chargeAttempt(trx, at, 'k', personRule));
  let at = 1_000_000_000_000;
  for (let n = 0; n < personRule.free; n += 1) t.same(await charge(at), { ok: true });
  for (const delay of [1, 2, 4, 8, 16, 32].map((n) => n * second)) {
    t.same(await charge(at), { ok: true });
    t.same(await charge(at + delay - 1), { ok: false, retryAfterMs: 1 });
    at += delay;
  }
  for (let n = 0; n < 60; n += 1) {
    await charge(at);
    at += hour;
  }
  t.same(await charge(at), { ok: true });
  t.same(await charge(at), { ok: false, retryAfterMs: hour }, 'never longer');
  t.same(await charge(at + day + 1), { ok: true });
  t.same(await charge(at + day + 1), { ok: true }, 'a day later the count begins anew');

  await store.db.transaction().execute((trx) => forgiveAttempt(trx, 'k', { clear: false }));
  t.match(await store.db.selectFrom('throttle').selectAll().execute(), [{ failures: 1 }]);
  await store.db.transaction().execute((trx) => forgiveAttempt(trx, 'k', { clear: true }));
  t.same(await store.db.selectFrom('throttle').selectAll().execute(), []);
});
