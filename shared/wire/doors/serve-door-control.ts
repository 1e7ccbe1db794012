/** Serves `door.sock`: who may open it, by the rights of the file, owns the process anyway. */
import { join } from 'node:path';
import type { Stoppable } from '../../base/lifecycle.ts';
import type { Log } from '../../base/log.ts';
import { doorControl, doorSocket } from '../../contracts/door-control.ts';
import { createEdgeApp } from '../edge-app.ts';
import { listenUnix } from '../listen.ts';
import { type Handlers, serveContract } from '../serve-contract.ts';
import type { KernelEntrance } from './kernel-entrance.ts';

export interface DoorControlParts {
  readonly dir: string;
  readonly entrance: KernelEntrance;
  readonly knocks: () => Promise<Readonly<Record<string, number>>>;
  readonly log: Log;
}

/** The shortest limit of the systems we run on (macOS), with its ending zero. */
const longestSocket = 103;

/** In a directory with too long a path there is none: the door needs it for nothing, and only `door` commands do. */
export async function serveDoorControl({ dir, entrance, knocks, log }: DoorControlParts): Promise<Stoppable> {
  const path = join(dir, doorSocket);
  if (Buffer.byteLength(path) > longestSocket) {
    log.warn(
      { path },
      'the path of the state directory is too long for the socket of `door` commands: they do not reach this process',
    );
    return { stop: () => {} };
  }
  const state = async () => {
    const { table, trialMs, ports, ...rest } = entrance.state();
    return {
      ...rest,
      ports: [...ports],
      ...(table === undefined ? {} : { table }),
      ...(trialMs === undefined ? {} : { trialMs: Math.round(trialMs) }),
      knocks: { ...(await knocks()) },
    };
  };
  const handlers: Handlers<typeof doorControl, unknown> = {
    state,
    async apply({ body }) {
      await entrance.try(body.withinMs);
      return state();
    },
    async confirm() {
      await entrance.keep();
      return state();
    },
    async remove() {
      await entrance.takeDown();
      return state();
    },
  };
  const app = createEdgeApp({ log });
  serveContract(app, doorControl, handlers, { authorize: () => undefined });
  await listenUnix(app, path);
  return { stop: () => app.close() };
}
