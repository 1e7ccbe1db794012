/** RFC 5424 judged by rsyslog: over TCP with octet counting, and over TLS. */
import t from 'tap';
import { flatten } from '../../../controller/log/formats/flat-fields.ts';
import { recordFormats } from '../../../controller/log/formats/index.ts';
import { structuredDataId } from '../../../controller/log/formats/rfc5424.ts';
import { visible } from '../../../controller/log/formats/safe-text.ts';
import { SyslogSender } from '../../../controller/log-streams/syslog-target.ts';
import { nastyRecords } from '../../support/nasty-records.ts';
import { needsRsyslog, startRsyslog } from '../../support/rsyslog.ts';

const { signal } = new AbortController();

t.test('rsyslog finds the fields of each record, and no other record', needsRsyslog(), async (t) => {
  const rsyslog = await startRsyslog(t);
  const records = nastyRecords(300);
  const sender = new SyslogSender({ address: `127.0.0.1:${rsyslog.port}`, plain: true }, {}, recordFormats.rfc5424);
  t.same(await sender.send(records, signal), { settled: 300 });
  await sender.confirm();
  const parsed = await rsyslog.until(300);
  t.equal(parsed.length, 300);
  for (const [at, { host, app, msgid, sd, time }] of parsed.entries()) {
    const record = records[at]!;
    t.match({ host, app, msgid }, { host: record.gateway ?? 'controller', app: 'postern', msgid: record.kind });
    t.equal(Date.parse(time), record.time);
    const wanted = Object.fromEntries(flatten(record).map(([name, value]) => [name, visible(String(value))]));
    t.same(sd[structuredDataId], wanted);
  }
});
