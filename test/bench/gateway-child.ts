/** The process under test: the gateway's real data path, one worker, with its records in a real spool on disk. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog } from '#shared/base/log.ts';
import type { App } from '#shared/contracts/app.ts';
import { SpoolDirectory } from '../../gateway/records/spool-directory.ts';
import { SpoolWriter } from '../../gateway/records/spool-writer.ts';
import type { Leaf } from '../support/gateway-world.ts';
import { startDataPath } from '../support/start-data-path.ts';
import { answerCalls } from './child.ts';
import { steadyMs } from './processors.ts';

type DataPathOfBench = Awaited<ReturnType<typeof startDataPath<SpoolWriter>>>;
let rig: DataPathOfBench | undefined;
let spools: SpoolDirectory | undefined;

function running(): DataPathOfBench {
  if (rig === undefined) throw new Error('the data path is not started');
  return rig;
}

/** What the others need to be served and to be clients under the same certificates, as files. */
function writeIdentities(dir: string, { world, own, device }: DataPathOfBench): void {
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text);
  const chain = (leaf: Leaf) => [leaf.certificate, ...leaf.chain].join('\n');
  const key = (leaf: Leaf) => leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  write('ca.pem', world.root.certificate);
  write('server.pem', chain(own));
  write('server.key', key(own));
  write('both.pem', `${chain(own)}\n${key(own)}`);
  write('client.pem', chain(device));
  write('client.key', key(device));
}

const calls = {
  async start({ dir, apps }: { readonly dir: string; readonly apps: readonly App[] }): Promise<{ port: number }> {
    spools = new SpoolDirectory(join(dir, 'spool'));
    const records = new SpoolWriter({ directory: spools, log: silentLog, maxBytes: 1e10 });
    rig = await startDataPath(apps, {}, dir, records);
    writeIdentities(dir, rig);
    return { port: rig.port };
  },

  /** A grant for `app`, a minute long. Removes the segments that a delivery would have removed by now. */
  grant({ app, action }: { readonly app: string; readonly action: 'request' | 'connect' }): string {
    const { world, device, records } = running();
    for (const spool of spools?.list() ?? []) {
      if (spool !== records.spool) rmSync(spools!.file(spool), { force: true });
    }
    return world.grant(device, { app, act: action });
  },

  /** Takes everything of a person back; `at`: when the message came, in milliseconds of the steady clock. */
  revoke(person: string): { at: number; cut: number } {
    const at = steadyMs();
    return { at, cut: running().revoke('person', person) };
  },

  async stop(_: null): Promise<void> {
    await running().stop();
    running().records.stop();
  },
};
export type GatewayCalls = typeof calls;
answerCalls(calls);
