/** Controller and gateway as real processes on one state, for tests that lay hands on the controller's files while it is stopped. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Test } from 'tap';
import { type AdminClient, untilItWorks } from '../../deploy/quickstart/clients.ts';
import { writeConfigs } from '../../deploy/quickstart/configs.ts';
import { freePorts } from '../../deploy/quickstart/free-ports.ts';
import type { Ports } from '../../deploy/quickstart/ports.ts';
import { Processes } from '../../deploy/quickstart/processes.ts';
import { initController, joinGateway } from '../../deploy/quickstart/set-up.ts';
import {
  adminSocket,
  gatewayIsFresh,
  startControllerProcess,
  startGatewayProcess,
} from '../../deploy/quickstart/start-triangle.ts';
import { StateFile } from '../../deploy/quickstart/state.ts';
import { type Kept, readKept } from '../../gateway/kept-log/kept-file.ts';
import { type Ran, runTool } from './journey-tools.ts';
import { root } from './source-tree.ts';

export interface LogProcesses {
  readonly ports: Ports;
  /** State directories. */
  readonly controller: string;
  readonly gateway: string;
  admin(): AdminClient;
  /** Resolves when it has ended in order. */
  stopController(): Promise<void>;
  startController(): Promise<AdminClient>;
  /** `posternctl` with these arguments. */
  ctl(args: readonly string[]): Promise<Ran>;
  kept(): Kept | undefined;
  /** Until the gateway keeps a checkpoint of more than so many leaves; returns it. */
  keepsMore(than?: number): Promise<string>;
}

export const sizeOf = (checkpoint: string): number => Number(checkpoint.split('\n')[1]);

export async function startLogProcesses(t: Test): Promise<LogProcesses> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-log-'));
  const state = new StateFile(dir);
  const ports = await freePorts();
  writeConfigs(state, ports, { keepFacts: false });
  const processes = new Processes(() => {});
  t.teardown(async () => {
    await processes.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const triangle = { state, ports, processes };
  await initController(triangle);
  let admin = await startControllerProcess(triangle);
  await joinGateway(triangle, admin);
  startGatewayProcess(triangle);
  await gatewayIsFresh(admin);
  const gateway = state.path('gateway');
  const kept = () => readKept(gateway);
  return {
    ports,
    controller: state.path('controller'),
    gateway,
    admin: () => admin,
    async stopController() {
      const pid = processes.pid('controller')!;
      process.kill(pid, 'SIGTERM');
      await untilItWorks(async () => {
        if (processes.pids().includes(pid)) throw new Error('the controller goes on');
      });
    },
    async startController() {
      admin = await startControllerProcess(triangle);
      return admin;
    },
    ctl: (args) => runTool(join(root, 'bin/posternctl'), ['--socket', adminSocket(state), ...args]),
    kept,
    keepsMore: (than = 0) =>
      untilItWorks(async () => {
        const { checkpoint } = kept() ?? {};
        if (checkpoint === undefined || sizeOf(checkpoint) <= than)
          throw new Error('the gateway keeps no such checkpoint');
        return checkpoint;
      }, 60_000),
  };
}

/**
 * What an operator with every right can do: a record says something else, and leaves, tree and tiles are made anew out of it, which the
 * controller signs with the real key when it starts. Nothing on that machine contradicts anything.
 */
export function rewriteLog(controller: string): void {
  const db = new DatabaseSync(join(controller, 'controller.db'));
  try {
    const { position, leaf, time } = db
      .prepare('SELECT position, leaf, time FROM records ORDER BY position LIMIT 1 OFFSET 2')
      .get() as {
      position: number;
      leaf: string;
      time: number;
    };
    const other = leaf.replace(`"time":${time}`, `"time":${time - 1}`);
    if (other === leaf) throw new Error('the leaf has another form');
    db.prepare('UPDATE records SET leaf = ?, time = ? WHERE position = ?').run(other, time - 1, position);
    db.exec(
      "DELETE FROM log_leaves; DELETE FROM log_known; DELETE FROM log_cosigned; DELETE FROM log_anchors WHERE kind = 'file'",
    );
    db.exec(
      "UPDATE log_state SET size = 0, root = '', edge = '', position = 0, checkpoint = NULL, signed_size = 0, held = NULL",
    );
  } finally {
    db.close();
  }
  for (const folder of ['log', 'anchors']) rmSync(join(controller, folder), { recursive: true, force: true });
}
