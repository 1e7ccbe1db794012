/** A process behind a kernel door, or one that removes it, in a network namespace: started by `kernel-door-world.ts`, which it hears. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { systemClock } from '#shared/base/clock.ts';
import { createLog } from '#shared/base/log.ts';
import { doorTimes } from '#shared/contracts/knock.ts';
import { KernelDoor, removeKernelDoor } from '#shared/wire/doors/kernel-door.ts';
import { KeyRing, type KnockCredential } from '#shared/wire/doors/key-ring.ts';
import { KnockCounts } from '#shared/wire/doors/knock-counts.ts';
import { KnockJudge } from '#shared/wire/doors/knock-judge.ts';
import { KnockListener } from '#shared/wire/doors/knock-listener.ts';
import { LetIns } from '#shared/wire/doors/let-ins.ts';
import { PreludeDoor } from '#shared/wire/doors/prelude-door.ts';
import { FileReplayMemory } from '#shared/wire/doors/replay-memory.ts';

export interface BehindDoor {
  readonly verb: 'serve' | 'remove';
  readonly mutual: number;
  readonly bootstrap: number;
  readonly knockPort: number;
  /** Where there is a prelude door and no kernel door. */
  readonly prelude?: number;
  /** The replay memory. */
  readonly memory: string;
  readonly credentials: readonly (Omit<KnockCredential, 'secret'> & { readonly secret: string })[];
}

process.on('disconnect', () => process.exit(0));

const order: BehindDoor = JSON.parse(process.argv[2]!);
const { mutual, bootstrap, knockPort, credentials } = order;
const tell = (message: object) => new Promise((resolve) => process.send!(message, resolve));
const log = createLog('door', (process.env['POSTERN_LOG_LEVEL'] ?? 'silent') as 'silent');

try {
  await (order.verb === 'remove' ? removeKernelDoor({ role: 'gateway', port: mutual }) : serve());
  await tell({ ready: true });
} catch (error) {
  await tell({ refused: (error as Error).message });
  process.exit(1);
}
if (order.verb === 'remove') process.exit(0);

async function serve(): Promise<void> {
  const rules = {
    role: 'gateway',
    port: mutual,
    ports: [mutual, bootstrap],
    knockPorts: [knockPort],
    openSeconds: 10,
  } as const;
  const letIns = new LetIns(systemClock);
  const door = new KernelDoor({
    ...rules,
    clock: systemClock,
    log,
    tell: (change) => letIns.apply(change),
    onCheck: () => letIns.forgetOld(),
  });
  await door.start();
  const ring = new KeyRing(doorTimes.gateway);
  for (const each of credentials) ring.put({ ...each, secret: Buffer.from(each.secret, 'base64') });
  const counts = new KnockCounts({ onSample: () => {} });
  const memory = new FileReplayMemory(order.memory, systemClock);
  const kinds = ['mutual', 'bootstrap'] as const;
  const judge = new KnockJudge({ ring, times: doorTimes.gateway, kinds, memory, counts, clock: systemClock, log });
  const letIn = (source: string, kind: 'mutual' | 'bootstrap') => door.letIn(source, { mutual, bootstrap }[kind]);
  const listener = new KnockListener({ judge, letIn, ports: [knockPort], log });
  // Nobody listens at the other protected port.
  const greet = (socket: Socket) =>
    socket
      .on('error', () => {})
      .pipe(socket)
      .write('hello\n');
  const server = createServer(greet);
  letIns.guard(server);
  if (order.prelude !== undefined) {
    const plain = createServer(greet);
    new PreludeDoor({ judge }).guard(plain, 'mutual');
    await once(plain.listen(order.prelude, '::'), 'listening');
  }
  server.listen(mutual, '::');
  await once(server, 'listening');
  await listener.start();
  process.on('message', async (message) => {
    if (message === 'state') await tell({ counts: counts.read(), repairs: door.repairs });
    if (message === 'stop door') await door.stop().then(() => tell({ stopped: true }));
  });
}
