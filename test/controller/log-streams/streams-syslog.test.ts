/** Streams of a whole controller to rsyslog. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { opensslCertificates } from '../../support/openssl-certificates.ts';
import { needs } from '../../support/programs.ts';
import { needsRsyslog, startRsyslog } from '../../support/rsyslog.ts';
import { fillLog, withLog } from '../support/with-log.ts';

const both = () => (needs('openssl').skip ? needs('openssl') : needsRsyslog());

t.test('syslog over TLS to rsyslog: its certificate is checked, ours where it wants one', both(), async (t) => {
  const { add, ids, admin, until } = await withLog(t, 400);
  const dir = t.testdir({ rsyslog: {} });
  const files = opensslCertificates(dir);
  const read = (path: string) => readFileSync(path, 'utf8');
  const tls = { ca: files.ca, ...files.server };
  const rsyslog = await startRsyslog(t, { dir: join(dir, 'rsyslog'), tls: { ...tls, clients: true } });
  const address = `127.0.0.1:${rsyslog.port}`;
  await add({ name: 'unbelieved', kind: 'syslog', address });
  t.match(await until('unbelieved', ({ trouble }) => trouble !== undefined), {
    trouble: { why: /unable to verify the first certificate/ },
  });
  await admin.removeLogStream({ params: { name: 'unbelieved' } });
  const client = { certificate: read(files.client.certificate), key: read(files.client.key) };
  await add({ name: 'siem', kind: 'syslog', address, ca: read(files.ca), ...client });
  const all = await ids();
  const parsed = await rsyslog.until(all.length);
  t.same(
    parsed.slice(0, all.length).map(({ sd }) => sd['postern@32473']?.['id']),
    all,
  );
  await until('siem', ({ behind }) => behind === 0);
});

t.test('syslog over TCP: a receiver that is killed gets again what nothing says it had', needsRsyslog(), async (t) => {
  const { controller, add, ids, until } = await withLog(t, 50);
  const dir = t.testdir();
  const first = await startRsyslog(t, { dir: join(dir, 'first') });
  await add({ kind: 'syslog', address: `127.0.0.1:${first.port}`, plain: true });
  await first.until(50);
  await first.kill();
  await fillLog(controller, 50, 5);
  const all = await ids();
  const second = await startRsyslog(t, { dir: join(dir, 'second'), port: first.port });
  await until('syslog', ({ behind }) => behind === 0);
  const had = new Set([...first.read(), ...second.read()].map(({ sd }) => sd['postern@32473']?.['id']));
  t.same(
    all.filter((id) => !had.has(id)),
    [],
  );
});
