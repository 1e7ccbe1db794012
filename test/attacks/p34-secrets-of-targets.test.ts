/** P34: where the log goes is for auditors to see, and what opens the doors there is not; and no target is where clouds hand out credentials. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { databaseName } from '../../controller/init.ts';
import { isAllowed } from '../../controller/log-streams/allowed-address.ts';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { runController } from '../controller/support/run-controller.ts';
import { startNoteReceiver } from '../support/note-receiver.ts';

t.test('P34 the query of a URL, where receivers have their keys, is a secret', async (t) => {
  const controller = await runController(t);
  const owner = controller.as({ reason: 'test' });
  const receiver = await startNoteReceiver(t);
  const url = `${receiver.url}?api-key=hunter2&x=1`;
  await owner.addLogAnchor({ body: { name: 'notary', kind: 'url', url, plain: true, everySeconds: 1 } });
  await owner.addLogStream({ body: { name: 'otel', kind: 'otlp', url: `${url}#hunter2`, plain: true } });
  await owner.addLogStream({ body: { name: 'es', kind: 'elasticsearch', index: 'logs', url, plain: true } });
  await owner.putPerson({ params: { id: 'emma' }, body: {} });
  await untilItWorks(async () => {
    const paths = receiver.got.map(({ path }) => path);
    for (const path of ['/in?api-key=hunter2&x=1', '/in/v1/logs?api-key=hunter2&x=1'])
      if (!paths.includes(path)) throw new Error(paths.join());
    if (!paths.some((path) => /^\/in\/_bulk\?filter_path=.*&api-key=hunter2&x=1$/.test(path)))
      throw new Error(paths.join());
  });
  const auditor = controller.as({ token: await controller.signIn('audrey', 'auditor') });
  const seen = [
    await auditor.logAnchors(),
    await auditor.logStreams(),
    await auditor.logStream({ params: { name: 'otel' } }),
    await auditor.records({ query: { limit: 1000 } }),
    await auditor.exportRecords({ query: { format: 'json' } }),
    await auditor.export(),
    await auditor.status(),
    await (await fetch(`http://${controller.addresses.metrics}/metrics`)).text(),
  ];
  t.notMatch(JSON.stringify(seen), /hunter2/);
  t.match(seen.slice(0, 2), [
    { items: [{ url: receiver.url, secrets: ['query'] }] },
    { items: [{ secrets: ['query'] }, { url: receiver.url, secrets: ['query'] }] },
  ]);
  const file = join(controller.dir, databaseName);
  for (const part of [file, `${file}-wal`]) t.notOk(readFileSync(part).includes('hunter2'), part);
});

t.test('P34 no target is at an address where clouds hand out credentials, however it is written', (t) => {
  for (const address of [
    ...['169.254.169.254', '169.254.170.23', '100.100.100.200', '168.63.129.16', '192.0.0.192', '0.0.0.0', '224.0.0.1'],
    ...['fe80::1', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', '::', '::ffff:169.254.169.254', '::ffff:a9fe:a9fe'],
    ...['::a9fe:a9fe', '::169.254.169.254', '64:ff9b::a9fe:a9fe', '64:ff9b::169.254.169.254', '64:ff9b::1'],
    ...['64:ff9b:1::a9fe:a9fe', '2002:a9fe:a9fe::1', '::ffff:0:a9fe:a9fe', 'fe80::1%eth0', 'nowhere'],
  ])
    t.notOk(isAllowed(address), address);
  for (const address of ['127.0.0.1', '::1', '10.1.2.3', '192.0.2.1', '2001:db8::1', 'fd12::1', '64:ff9b::c000:201'])
    t.ok(isAllowed(address), address);
  t.end();
});
