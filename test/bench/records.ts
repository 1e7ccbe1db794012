/** Records from a gateway's spool into the controller's SQLite: read, checked, sent over mutual TLS, checked again, stored. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#shared/base/clock.ts';
import { silentLog } from '#shared/base/log.ts';
import { gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { makeDispatcher } from '#shared/wire/make-dispatcher.ts';
import { clientTlsOptions } from '#shared/wire/mutual-tls.ts';
import { RecordDelivery } from '../../gateway/records/deliver-records.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { encodeLine } from '../../gateway/records/spool-format.ts';
import { gatewayId, makeWorld, trustDomain } from '../support/gateway-world.ts';
import { startChild } from './child.ts';
import { type Bench, median, type Run, whole } from './measure.ts';
import { cpuNanos, processors } from './processors.ts';
import type { RecordsControllerCalls } from './records-controller-child.ts';

const count = 20_000;
const rounds = 5;

export const records: Bench = {
  name: 'records',
  about: `records a second from a spool into the controller's SQLite, ${whole(count)} at a time, over mutual TLS`,
  needs: ['taskset'],
  async run(run) {
    const { server: core } = processors();
    const world = await makeWorld();
    const [own, gateway] = await Promise.all([world.leaf('controller', 'ctl-1'), world.leaf('gateway', gatewayId)]);
    const write = (name: string, text: string) => writeFileSync(join(run.dir, name), text);
    write('ca.pem', world.root.certificate);
    write('controller.pem', [own.certificate, ...own.chain].join('\n'));
    write('controller.key', own.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    const controller = startChild<RecordsControllerCalls>(run, 'records-controller-child.ts', core);
    const { port } = await controller.ask.start({ dir: run.dir });
    const dispatcher = makeDispatcher(() =>
      clientTlsOptions({
        key: gateway.keys.privateKey,
        certificate: gateway.certificate,
        chain: gateway.chain,
        bundle: [world.root.certificate],
        trustDomain,
        role: 'controller',
        clock: systemClock,
      }),
    );
    run.defer(() => dispatcher.destroy());
    const client = callContract(gatewayToController, { dispatcher, origin: () => `https://127.0.0.1:${port}` });
    const samples: { rate: number; perCpu: number }[] = [];
    const ids = Array.from({ length: ((count - 1) >> 6) + 1 }, (_, index) => grantOf(index));
    await controller.ask.giveGrants({ ids });
    const granted = await controller.ask.settle(null);
    // The first round warms both ends up.
    for (let round = 0; round <= rounds; round++) {
      const cpu = cpuNanos([controller.pid]);
      const began = performance.now();
      await deliver(run, round, (spool, batch) => client.records({ body: { spool, records: batch } }));
      // Until the last of them is under a signed checkpoint.
      const signed = await controller.ask.settle(null);
      if (signed !== granted + count * (round + 1)) throw new Error(`${signed} records are signed`);
      const ms = performance.now() - began;
      const seconds = (cpuNanos([controller.pid]) - cpu) / 1e9;
      if (round > 0) samples.push({ rate: (count * 1000) / ms, perCpu: count / seconds });
      run.tell(
        `round ${round} of ${rounds}: ${whole((count * 1000) / ms)}/s, ${whole(count / seconds)} per second of processor`,
      );
    }
    const stored = await controller.ask.count(null);
    if (stored !== granted + count * (rounds + 1)) throw new Error(`${stored} records are stored`);
    if ((await controller.ask.doubts(null)) > 0) throw new Error('records are doubted');
    return [
      {
        what: 'records a second from spool to SQLite, each provable under a signed checkpoint',
        measured: whole(median(samples.map(({ rate }) => rate))),
        beside: `${whole(median(samples.map(({ perCpu }) => perCpu)))} per second of the controller's processor; none lost, none doubled`,
      },
    ];
  },
};

const grantOf = (index: number): string => `gr_${String(index).padStart(16, '0')}`;

/** Milliseconds from the first look at a full spool until the controller has confirmed its last line and it is removed. */
async function deliver(
  run: Run,
  round: number,
  send: ConstructorParameters<typeof RecordDelivery>[0]['send'],
): Promise<number> {
  const path = join(run.dir, `spool-${round}`);
  const directory = new SpoolDirectory(path);
  const spool = directory.newSpool();
  const lines = Array.from({ length: count }, (_, index) => {
    const id = `rec_r${round}-${String(index).padStart(12, '0')}`;
    return encodeLine({
      seq: index + 1,
      record: {
        id,
        time: Date.now(),
        kind: 'access',
        phase: index % 2 === 0 ? 'opening' : 'closing',
        trace: index.toString(16).padStart(32, '0'),
        verdict: 'allow',
        reasons: ['grant-valid'],
        person: 'emil',
        device: 'dev_aaaaaaaa',
        session: 'ses_0000000001',
        app: 'wiki',
        gateway: gatewayId,
        grant: grantOf(index >> 6),
        from: '10.1.2.3',
        request: { method: 'GET', host: 'wiki.corp.internal', path: `/pages/${index}` },
        epoch: 3,
        ...(index % 2 === 0 ? {} : { opening: id, status: 200, bytesUp: 0, bytesDown: 512, durationMs: 3 }),
      },
    });
  });
  writeFileSync(
    directory.file(spool),
    `${lines.join('')}${encodeLine({ left: true, denials: 0, last: lines.length })}`,
  );
  const began = performance.now();
  const delivery = new RecordDelivery({ gateway: 'gw-1', directory, log: silentLog, send });
  await delivery.stop();
  const took = performance.now() - began;
  if (directory.list().length > 0) throw new Error('the spool was not delivered whole');
  rmSync(path, { recursive: true });
  return took;
}
