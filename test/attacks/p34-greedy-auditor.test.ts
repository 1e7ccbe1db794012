/** P34: an auditor, or who has an auditor's session, and asks for everything many times at once keeps neither decisions nor other readers waiting. */
import { request } from 'node:http';
import t from 'tap';
import { DearReadings } from '../../controller/from-admins/dear-readings.ts';
import { runController } from '../controller/support/run-controller.ts';

t.test('P34 the whole log is read a few times at once, and by one reader twice', async (t) => {
  const { addresses, signIn, as } = await runController(t);
  const token = await signIn('audrey', 'auditor');
  const ask = (method: string, path: string) =>
    new Promise<number>((resolve, reject) => {
      const headers = {
        authorization: `Postern-Admin ${token}`,
        ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      };
      const asked = request({ socketPath: addresses.adminSocket, method, path, headers }, (answer) => {
        answer.resume().once('close', () => resolve(answer.statusCode!));
      });
      asked.once('error', reject).end(method === 'POST' ? '{}' : undefined);
    });
  for (const [method, path] of [
    ['GET', '/v1/admin/evidence?from=0&to=1'],
    ['GET', '/v1/admin/log/files'],
    ['POST', '/v1/admin/log/verify'],
  ] as const) {
    const codes = await Promise.all(Array.from({ length: 30 }, () => ask(method, path)));
    t.ok(codes.includes(409), `${path} is refused to who has enough`);
    t.ok(codes.includes(200));
    t.equal(await ask(method, path), 200, 'and to nobody afterwards');
  }
  t.ok((await as().logHead()).size > 0);
});

t.test('P34 one reader leaves room for others, and all of them for the controller', async (t) => {
  const dear = new DearReadings();
  const ends: (() => void)[] = [];
  const read = dear.limited(() => new Promise<void>((resolve) => ends.push(resolve)));
  const by = (actor: string) => read({ caller: { actor } } as never);
  const running = [by('audrey'), by('audrey')];
  await t.rejects(by('audrey'), { code: 'conflict', tell: /2 of your own/ });
  running.push(by('adele'), by('adele'));
  await t.rejects(by('olga'), { code: 'conflict', tell: /There are 4/ });
  for (const end of ends) end();
  await Promise.all(running);
  const after = by('audrey');
  ends.at(-1)!();
  await after;
  const failing = dear.limited(() => Promise.reject(new Error('broken')));
  for (let n = 0; n < 5; n += 1) await t.rejects(failing({ caller: { actor: 'audrey' } } as never), /broken/);
});
