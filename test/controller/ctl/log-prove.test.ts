/** `posternctl log prove`: of a record, or of every record of a trace, each in a file that holds by itself; all are written or none. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { appendRecord } from '../../../controller/log/append-record.ts';
import { runController } from '../support/run-controller.ts';
import { shellOf } from '../support/run-ctl.ts';

t.test('a trace is proved record by record', async (t) => {
  const controller = await runController(t);
  const ctl = shellOf(controller);
  const { db } = controller.store;
  const trace = `c0ffee${'5'.repeat(26)}`;
  for (const person of ['ada', 'ben', undefined])
    await appendRecord(db, controller.clock.now(), {
      kind: 'session',
      event: 'ended',
      trace,
      ...(person === undefined ? {} : { person }),
      details: { why: 'test' },
    });
  const key = (await ctl(['log', 'key'])).out.trim();
  const to = join(controller.dir, 'proofs', 'of-trace');
  const made = JSON.parse(
    (await ctl(['log', 'prove', trace.slice(0, 10), '--to', to, '--without', 'person', '--json'])).out,
  );
  t.match(made, {
    trace,
    more: false,
    key,
    proofs: [{ shown: ['details'] }, { shown: ['details'] }, { shown: ['details'] }],
  });
  const files = readdirSync(to);
  t.equal(files.length, 3);
  for (const file of files) {
    const checked = await ctl(['log', 'check-proof', join(to, file), '--key', key, '--json']);
    t.match(JSON.parse(checked.out), { holds: true, record: { trace }, disclosed: { person: undefined } });
  }
  const id = made.proofs[1].id as string;
  t.equal(made.proofs[1].file, join(to, `${id}.tlog-proof`));

  t.match(await ctl(['log', 'prove', trace, '--out', 'x']), {
    code: 2,
    err: /3 records, each in a file of its own: --to/,
  });
  t.match(await ctl(['log', 'prove', trace, '--out', '-']), { code: 2 });
  t.match(await ctl(['log', 'prove', id, '--out', 'x', '--to', 'y']), { code: 2, err: /not both/ });
  t.match(await ctl(['log', 'prove', trace, '--to', to, '--only', 'address']), {
    code: 2,
    err: /no record has "address" to show; they have: person, details/,
  });
  t.match(await ctl(['log', 'prove', 'ffffffff', '--to', to]), { code: 1, err: /ffffffff/ });
  const other = join(controller.dir, 'other');
  t.match(await ctl(['log', 'prove', id, '--to', other]), {
    code: 0,
    out: /proves leaf \d+; it shows: person, details/,
  });
  t.match(await ctl(['log', 'prove', trace, '--to', other]), { code: 1, err: /exists/ });
  t.strictSame(readdirSync(other), [`${id}.tlog-proof`], 'all or none');
  writeFileSync(join(controller.dir, 'file'), '');
  t.match(await ctl(['log', 'prove', trace, '--to', join(controller.dir, 'file')]), {
    code: 1,
    err: /EEXIST|ENOTDIR|exists/,
  });
  t.notOk(existsSync('x'));
});
