/** The taking end of records: the real route over mutual TLS, schema checks, and SQLite in a file. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { newMasterKey, parseMasterKey, Sealer } from '#shared/crypto/seal.ts';
import { guardServer, requirePeer } from '#shared/wire/admit-peer.ts';
import { createEdgeApp } from '#shared/wire/edge-app.ts';
import { listenTcp } from '#shared/wire/listen.ts';
import { serverTlsOptions } from '#shared/wire/mutual-tls.ts';
import { serveContract } from '#shared/wire/serve-contract.ts';
import { takeRecords } from '../../controller/from-gateways/take-records.ts';
import { appendRecord } from '../../controller/log/append-record.ts';
import { LogKeeper } from '../../controller/log/log-keeper.ts';
import { openStore, type Store } from '../../controller/store/open-store.ts';
import { trustDomain } from '../support/gateway-world.ts';
import { answerCalls } from './child.ts';

let store: Store | undefined;
let keeper: LogKeeper | undefined;

const calls = {
  async start({ dir }: { readonly dir: string }): Promise<{ port: number }> {
    store = await openStore(join(dir, 'controller.db'));
    const { db } = store;
    // The log is kept in order beside it, as in a controller: leaves hashed, tiles on the disk, checkpoints signed.
    const sealer = new Sealer({ current: parseMasterKey(newMasterKey()) });
    keeper = await LogKeeper.open({ db, sealer, clock: systemClock, log: silentLog, dir, trustDomain });
    const [certificate = '', ...chain] = readFileSync(join(dir, 'controller.pem'), 'utf8').split(
      /(?<=END CERTIFICATE-----\n)/,
    );
    const tls = {
      key: readFileSync(join(dir, 'controller.key'), 'utf8'),
      certificate: new X509Certificate(certificate).toString(),
      chain,
      bundle: [readFileSync(join(dir, 'ca.pem'), 'utf8')],
      mutual: true,
    };
    const app = createEdgeApp({ log: silentLog, tls: serverTlsOptions(tls) });
    const clock = systemClock;
    const rules = { trustDomain, roles: ['gateway'], clock, denied: () => false, onRefused: () => {} } as const;
    guardServer(app.server as never, rules);
    const { records } = gatewayToController;
    serveContract(
      app,
      { records },
      { records: ({ peer, body }) => takeRecords(db, clock.now(), { gateway: peer!.id, ...body }) },
      { authorize: (_route, request) => requirePeer(request.raw.socket, 'gateway') },
    );
    return { port: (await listenTcp(app, { host: '127.0.0.1', port: 0 })).port };
  },

  /** Those that the accesses name, as the controller records them when it gives them. */
  async giveGrants({ ids }: { readonly ids: readonly string[] }): Promise<void> {
    await store!.db.transaction().execute(async (trx) => {
      for (const grant of ids)
        await appendRecord(trx, systemClock.now(), {
          kind: 'grant',
          verdict: 'allow',
          reasons: ['policy-permit'],
          person: 'emil',
          device: 'dev_aaaaaaaa',
          session: 'ses_0000000001',
          app: 'wiki',
          appFacts: { kind: 'http', site: 'site-1', groups: [] },
          epoch: 3,
          grant,
        });
    });
  },

  async doubts(_: null): Promise<number> {
    return (await store!.db.selectFrom('gateway_doubts').select('n').execute()).length;
  },

  async count(_: null): Promise<number> {
    const row = await store!.db
      .selectFrom('records')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    return row.count;
  },

  /** How many leaves the newest checkpoint is over, once all is in order. */
  async settle(_: null): Promise<number> {
    return (await keeper!.settle()).signed_size;
  },
};
export type RecordsControllerCalls = typeof calls;
answerCalls(calls);
