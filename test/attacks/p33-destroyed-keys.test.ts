import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runController } from '../controller/support/run-controller.ts';

t.test(
  'P20 P33 of a private key that is destroyed or taken away nothing stays in the files of the store',
  async (t) => {
    const { as, dir, store } = await runController(t);
    const shell = as({ reason: 'test' });
    const filesWith = (text: string) =>
      readdirSync(dir).filter((name) => {
        const path = join(dir, name);
        return statSync(path).isFile() && readFileSync(path).includes(text);
      });
    const sealedOf = async (table: 'authorities' | 'signing_keys') =>
      (await store.db.selectFrom(table).select('sealed').execute())
        .map(({ sealed }) => sealed)
        .filter((text) => !!text) as string[];

    const [root] = (await store.db.selectFrom('authorities').select('sealed').where('kind', '=', 'root').execute()) as [
      { sealed: string },
    ];
    t.ok(filesWith(root.sealed).length > 0, 'it is there');
    const order = { file: join(dir, 'root-key.pem'), passphrase: 'four plain words here' };
    await shell.takeRootKey({ body: order });
    t.same(filesWith(root.sealed), [], 'the root’s key');

    const before = await store.db
      .selectFrom('signing_keys')
      .select(['kid', 'sealed'])
      .where('purpose', '=', 'grant')
      .where('state', '=', 'current')
      .executeTakeFirstOrThrow();
    await shell.withdrawKey({ body: { kid: before.kid } });
    t.same(filesWith(before.sealed), [], 'a withdrawn signing key');

    await shell.bringRootKey({ body: order });
    const [issuing] = (await store.db
      .selectFrom('authorities')
      .select('sealed')
      .where('kind', '=', 'issuing')
      .execute()) as [{ sealed: string }];
    await shell.rotateKeys({ body: { what: 'issuing' } });
    t.notOk((await sealedOf('authorities')).includes(issuing.sealed));
    t.same(filesWith(issuing.sealed), [], 'the key of a replaced issuing CA');
  },
);

t.test('P33 a pipe in place of the file of a key holds nobody up', async (t) => {
  const { as, dir } = await runController(t);
  const shell = as({ reason: 'test' });
  const passphrase = 'four plain words here';
  await shell.takeRootKey({ body: { file: join(dir, 'root-key.pem'), passphrase } });
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await t.rejects(shell.bringRootKey({ body: { file: pipe, passphrase } }), { code: 'bad-request' });
  t.ok(await shell.status(), 'it answers');
});
