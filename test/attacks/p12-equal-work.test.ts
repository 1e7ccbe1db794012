/** P12: the answer to a stranger takes the same work. Counted, not timed. */
import t from 'tap';
import * as passwordHash from '../../shared/crypto/password-hash.ts';
import { openTestController } from '../controller/support/open-controller.ts';

t.test('P12 a password is hashed once for whoever is named, with a password or without', async (t) => {
  const work: string[] = [];
  const { checkPasswordOf } = await t.mockImport<typeof import('../../controller/identity/check-factor.ts')>(
    '../../controller/identity/check-factor.ts',
    {
      '#shared/crypto/password-hash.ts': {
        ...passwordHash,
        verifyPassword: (password: string, phc: string) => {
          work.push('verify');
          return passwordHash.verifyPassword(password, phc);
        },
        dummyVerify: (password: string) => {
          work.push('dummy');
          return passwordHash.dummyVerify(password);
        },
      },
    },
  );
  const controller = await openTestController(t);
  const { insertFactor } = await import('../../controller/identity/set-factors.ts');
  const value = await passwordHash.hashPassword('violet ladder 47 harbour');
  const order = { person: 'olga', kind: 'password', name: 'Password', value, sealer: controller.sealer } as const;
  const id = await controller.store.db.transaction().execute((trx) => insertFactor(trx, controller.clock.now(), order));

  t.match(await checkPasswordOf(controller, 'nobody', 'x'), { ok: false, reason: 'no-factor' });
  t.match(await checkPasswordOf(controller, 'olga', 'x'), { ok: false, reason: 'wrong-password' });
  await controller.store.db.updateTable('factors').set({ failures: 100 }).where('id', '=', id).execute();
  t.match(await checkPasswordOf(controller, 'olga', 'violet ladder 47 harbour'), { ok: false, reason: 'no-factor' });
  t.same(work, ['dummy', 'verify', 'dummy'], 'one hash each');
});
