/** psql to a PostgreSQL server that no network reaches, over the local port of `postern connect`. */
import { createHash } from 'node:crypto';
import { chownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { addTcpApp, connectApp, freePort, startProgram, untilItListens } from '../support/journey-servers.ts';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';
import { startTriangle } from '../support/triangle.ts';

/** PostgreSQL refuses to run as root. */
function userOfDatabase(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const rows = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const row = rows.find(([name]) => name === 'postgres') ?? rows.find(([name]) => name === 'nobody');
  if (row === undefined) throw new Error('there is no user but root to run PostgreSQL as');
  return { uid: Number(row[2]), gid: Number(row[3]) };
}

async function startDatabase(t: Test): Promise<number> {
  const dir = privateDir(t, 'psql');
  const user = userOfDatabase();
  if (user.uid !== undefined) chownSync(dir, user.uid, user.gid!);
  const data = join(dir, 'data');
  const init = ['-D', data, '-A', 'trust', '-U', 'postern', '--no-sync', '--encoding=UTF8', '--locale=C'];
  const made = await runTool('initdb', init, { ...user, cwd: dir });
  if (made.code !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'fsync=off'];
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  // SIGINT is its fast shutdown: clients that are still there are not waited for.
  const { said } = startProgram(t, 'postgres', args, { ...user, cwd: dir, end: 'SIGINT' });
  await untilItListens(port, said);
  return port;
}

t.test('psql through postern connect', needs('psql', 'initdb', 'postgres'), async (t) => {
  const triangle = await startTriangle(t);
  const upstreamPort = await startDatabase(t);
  await addTcpApp(triangle, { id: 'ledger', port: 5432, upstreamPort });
  const port = await connectApp(t, triangle.ready.people.emil.profile, 'ledger');
  const psql = (sql: string, input?: string) =>
    runTool(
      'psql',
      ['-X', '-A', '-t', '-q', '-h', '127.0.0.1', '-p', String(port), '-U', 'postern', '-d', 'postgres', '-c', sql],
      input === undefined ? {} : { input },
    );

  t.test('select', async (t) => {
    t.same(await psql('select 6 * 7'), { code: 0, stdout: '42\n', stderr: '' });
  });

  t.test('COPY of some MB in and out', async (t) => {
    const rows = Array.from(
      { length: 120_000 },
      (_, id) => `${id}\tposting number ${id} of the year, in plain words\n`,
    );
    const text = rows.join('');
    const hash = (value: string) => createHash('sha256').update(value).digest('hex');
    t.equal((await psql('create table postings (id integer primary key, words text)')).stderr, '');
    t.equal((await psql('copy postings from stdin', text)).stderr, '');
    t.equal((await psql('select count(*) from postings')).stdout, '120000\n');
    const back = await psql('copy (select * from postings order by id) to stdout');
    t.equal(hash(back.stdout), hash(text), `${back.stdout.length} of ${text.length} characters came back`);
  });

  t.test('several connections at once', async (t) => {
    const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => psql(`select pg_sleep(0.2), ${n}`)));
    t.same(
      answers.map(({ stdout }) => stdout),
      answers.map((_, n) => `|${n}\n`),
    );
  });

  t.test('no app of this name: the command says so and ends', async (t) => {
    const ran = await runTool('bin/postern', ['connect', 'ledgers', '--dir', triangle.ready.people.emil.profile]);
    t.not(ran.code, 0);
    t.match(ran.stderr, /no app called ledgers/);
  });

  t.test('the record names the app, the person and the bytes', async (t) => {
    const { records } = await triangle.admin.records({ query: { app: 'ledger', kind: 'access', limit: 50 } });
    t.ok(records.some((record) => record.person === 'emil' && record.verdict === 'allow'));
  });
});
