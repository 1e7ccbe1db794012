/** A whole controller on loopback in a directory of its own, with its admin API under any name. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { openSealer } from '../../../controller/authority/master-key.ts';
import { type ControllerConfig, loadControllerConfig } from '../../../controller/config.ts';
import type { AdminClient } from '../../../controller/ctl/connect.ts';
import { insertFactor } from '../../../controller/identity/set-factors.ts';
import { databaseName, type Initialised, initStateDirectory } from '../../../controller/init.ts';
import { openStore, type Store } from '../../../controller/store/open-store.ts';
import { type RunningController, startController } from '../../../controller/wiring.ts';
import { silentLog } from '../../../shared/base/log.ts';
import { adminContract } from '../../../shared/contracts/admin-to-controller.ts';
import { hashPassword } from '../../../shared/crypto/password-hash.ts';
import { currentTotp, newTotpSecret } from '../../../shared/crypto/totp.ts';
import { callContract } from '../../../shared/wire/call-contract.ts';
import { makeUnixDispatcher } from '../../../shared/wire/make-dispatcher.ts';
import { type TestClock, testClock } from './open-controller.ts';

export interface Acting {
  readonly token?: string;
  readonly reason?: string;
}

export interface RunController extends RunningController {
  readonly dir: string;
  readonly clock: TestClock;
  readonly config: ControllerConfig;
  readonly first: Initialised;
  /** A second connection to its database. */
  readonly store: Store;
  as(acting?: Acting): AdminClient;
  /** Gives a person a password and an authenticator app, as a sign-in on a device would. */
  giveFactors(person: string): Promise<{ password: string; secret: string; code: () => string }>;
  /** Adds a person of a role, with factors, and signs them in. */
  signIn(person: string, role: 'admin' | 'auditor' | 'owner' | 'employee'): Promise<string>;
}

export function testConfig(dir: string, more: Readonly<Record<string, unknown>> = {}): ControllerConfig {
  const overrides = {
    dir,
    'listen.host': '127.0.0.1',
    'listen.mutual': 0,
    'listen.bootstrap': 0,
    'metrics.port': 0,
    'metrics.docs': true,
    ...more,
  };
  return loadControllerConfig({ env: {}, overrides });
}

export async function initTestDirectory(t: Test, clock: TestClock): Promise<{ dir: string; first: Initialised }> {
  // Not `t.testdir()`: its names are longer than the path of a Unix socket may be.
  const dir = mkdtempSync(join(tmpdir(), 'postern-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const first = await initStateDirectory(
    { dir, env: {}, clock },
    {
      organisation: 'Test Works',
      trustDomain: 'test.example',
      owner: { id: 'olga', name: 'Olga Owner' },
      bootstrapAddress: '127.0.0.1:8442',
    },
  );
  return { dir, first };
}

const password = 'a long password of tests';

export async function runController(t: Test, more: Readonly<Record<string, unknown>> = {}): Promise<RunController> {
  const clock = testClock();
  const { dir, first } = await initTestDirectory(t, clock);
  const config = testConfig(dir, more);
  const controller = await startController(config, { clock, log: silentLog, env: {} });
  t.teardown(() => controller.stop());
  const store = await openStore(join(dir, databaseName));
  t.teardown(() => store.stop());
  const sealer = openSealer({ dir, env: {}, create: false });
  const dispatcher = makeUnixDispatcher(controller.addresses.adminSocket);
  t.teardown(() => dispatcher.destroy());

  const as = ({ token, reason }: Acting = {}): AdminClient =>
    callContract(adminContract, {
      dispatcher,
      origin: 'http://controller',
      timeoutMs: 60_000,
      headers: () => ({
        ...(token === undefined ? {} : { authorization: `Postern-Admin ${token}` }),
        ...(reason === undefined ? {} : { 'postern-reason': reason }),
      }),
    });
  const giveFactors = async (person: string) => {
    const secret = newTotpSecret();
    const hash = await hashPassword(password);
    await store.db.transaction().execute(async (trx) => {
      await trx.updateTable('people').set({ had_factors: 1 }).where('id', '=', person).execute();
      const at = clock.now();
      await insertFactor(trx, at, { person, kind: 'password', name: 'Password', value: hash, sealer });
      await insertFactor(trx, at, { person, kind: 'totp', name: 'App', value: secret, sealer });
    });
    return { password, secret, code: () => currentTotp(secret, clock.now()) };
  };
  const signIn: RunController['signIn'] = async (person, role) => {
    await as({ reason: 'test' }).putPerson({ params: { id: person }, body: { role } });
    const factors = await giveFactors(person);
    const { token } = await as().adminSignIn({ body: { person, password, code: factors.code() } });
    return token;
  };
  return { ...controller, dir, clock, config, first, store, as, giveFactors, signIn };
}

/** Everything in the database but the log, as one text: for "nothing was changed". */
export async function dumpStore({ db }: Store): Promise<string> {
  const tables = ['meta', 'change_counter', 'changes', 'people', 'groups', 'group_members', 'group_parents'] as const;
  const more = ['sites', 'app_groups', 'apps', 'policy_versions', 'floors', 'gone_names', 'records'] as const;
  const dump: Record<string, unknown> = {};
  for (const table of [...tables, ...more]) dump[table] = await db.selectFrom(table).selectAll().execute();
  return JSON.stringify(dump);
}
