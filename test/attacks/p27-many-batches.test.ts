/** P27: one API client with hundreds of batches open, against everybody else that the controller has to answer. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import t from 'tap';
import { evaluateMany } from '../../controller/authzen/evaluate-many.ts';
import { ownPoint } from '../../controller/authzen/own-point.ts';
import { readEvaluations } from '../../controller/authzen/read-request.ts';
import { inTurns, Workbench } from '../../controller/authzen/workbench.ts';
import { runServices, vectorStore } from '../controller/support/run-services.ts';
import { PolicyDesk } from '../support/policy-desk.ts';

/** Longer than all questions of one turn of the event loop may take. */
function toil(): void {
  const until = performance.now() + 12;
  while (performance.now() < until);
}

const evaluation = {
  subject: { type: 'Person', id: 'nobody', properties: { device_id: 'dev_aaaaaaaa' } },
  action: { name: 'request' },
  resource: { type: 'App', id: 'wiki' },
  context: {},
};

t.test('P27 however many batches are open, a turn of the event loop has one share of them', async (t) => {
  const desk = await PolicyDesk.open();
  const bench = new Workbench();
  let done = 0;
  const clock = {
    now: () => {
      toil();
      done += 1;
      return desk.now;
    },
  };
  const point = inTurns(ownPoint({ db: desk.db, clock, decider: desk.decider }), (work) => bench.take('busy', work));
  const batch = readEvaluations({ ...evaluation, evaluations: [{}, {}] })!;
  let running = true;
  const all = Promise.all(Array.from({ length: 10 }, () => evaluateMany(point, batch))).finally(() => {
    running = false;
  });
  let most = 0;
  while (running) {
    const before = done;
    await nextTurn();
    most = Math.max(most, done - before);
  }
  await all;
  t.equal(done, 20);
  t.equal(most, 1, 'others had their turn after each of them');
});

t.test('P27 who asks little is not behind who asks much', async (t) => {
  const bench = new Workbench();
  const order: string[] = [];
  const ask = (client: string) =>
    bench.take(client, async () => {
      order.push(client);
    });
  const failing = bench.take('busy', () => Promise.reject(new Error('broken')));
  await Promise.all([
    t.rejects(failing, { message: 'broken' }),
    ...Array.from({ length: 20 }, () => ask('busy')),
    ask('other'),
    ask('third'),
  ]);
  t.equal(order.length, 22, 'one that fails stops nothing');
  t.ok(order.indexOf('other') <= 2, order.slice(0, 5).join(' '));
  t.ok(order.indexOf('third') <= 3, order.slice(0, 5).join(' '));
});

t.test('P27 a client has eight batches in memory, others have theirs, and an end makes room', async (t) => {
  const services = await runServices(t, { stores: { shop: vectorStore('certification') } });
  const { port } = new URL(services.url);
  const { bundle } = await services.admin.trust();
  const open: TLSSocket[] = [];
  for (let n = 0; n < 8; n += 1) {
    const socket = connect({ host: '127.0.0.1', port: Number(port), ca: bundle });
    open.push(socket);
    await once(socket, 'secureConnect');
    socket.write(
      `POST /stores/shop/access/v1/evaluations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${services.token}\r\n` +
        'Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    t.match(String(answer), /^HTTP\/1.1 100 /);
  }
  const path = '/stores/shop/access/v1/evaluations';
  const body = { evaluations: [evaluation] };
  // Judged some turns after its head was read: the ninth is refused when all eight are.
  let ninth = await services.ask(path, body);
  for (let more = 0; more < 50 && ninth.status !== 429; more += 1) ninth = await services.ask(path, body);
  t.equal(ninth.status, 429);
  t.equal(ninth.headers['retry-after'], '1');
  t.equal((await services.ask('/stores/shop/access/v1/evaluation', evaluation)).status, 200, 'no batch');
  const { token } = await services.admin.addApiClient({ body: { name: 'other', scopes: ['authzen:shop'] } });
  t.equal((await services.ask(path, body, { token })).status, 200);
  const closed = open.map((socket) => once(socket, 'close'));
  for (const socket of open) socket.destroy();
  await Promise.all(closed);
  let again = await services.ask(path, body);
  for (let more = 0; more < 200 && again.status !== 200; more += 1) {
    await nextTurn();
    again = await services.ask(path, body);
  }
  t.equal(again.status, 200);
});
