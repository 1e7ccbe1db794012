/** Datagrams at the real listener, through a real socket: each is judged once, none is answered, and only a good one opens. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { silentLog } from '#shared/base/log.ts';
import type { KnockVerdict } from '#shared/wire/doors/judge-knock.ts';
import { KnockListener } from '#shared/wire/doors/knock-listener.ts';
import { freePort } from '../../support/journey-servers.ts';
import { type KnockCase, knockCases, openFuzzedDoor } from '../knock-cases.ts';
import { type FuzzTarget, must, type OpenTarget } from '../target.ts';

interface Case {
  readonly knock: KnockCase;
  /** That many bytes more, up to the largest datagram that there is. */
  readonly padding: number;
}

const largest = 65_507;
const cases: fc.Arbitrary<Case> = fc.record({
  knock: knockCases,
  padding: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(largest) }),
});

export const datagrams: FuzzTarget = {
  name: 'datagrams',
  about: 'datagrams at the listener for knocks, through a real socket: never answered, opened by good ones alone',
  block: 4000,
  async open() {
    const door = openFuzzedDoor();
    let judged: (verdict: KnockVerdict) => void = () => {};
    const judge = {
      async judge(...args: Parameters<typeof door.judge.judge>) {
        const verdict = await door.judge.judge(...args);
        judged(verdict);
        return verdict;
      },
      count: door.judge.count.bind(door.judge),
    };
    let opened = 0;
    const port = await freePort();
    const letIn = async () => {
      opened += 1;
    };
    const listener = new KnockListener({ judge, letIn, ports: [port], hosts: ['127.0.0.1'], log: silentLog });
    await listener.start();
    const sender: Socket = createSocket('udp4');
    sender.connect(port, '127.0.0.1');
    await once(sender, 'connect');
    let answer: string | undefined;
    sender.on('message', (bytes) => (answer = `${bytes.length} bytes came back`));
    // What the kernel would say of a port where nobody listens any more.
    sender.on('error', (error) => (answer = error.message));
    return {
      cases: cases as fc.Arbitrary<never>,
      async judge({ knock, padding }: Case) {
        const { bytes, isGood, mayBeGood } = door.make(knock);
        const sent = Buffer.concat([bytes, Buffer.alloc(padding)]).subarray(0, largest);
        const counted = door.counted();
        const before = opened;
        const verdict = await new Promise<KnockVerdict>((resolve) => {
          judged = resolve;
          sender.send(sent);
        });
        // The door opens in the turn of the judgement.
        await turn();
        must(answer === undefined, `a datagram was answered: ${answer}`);
        must(door.counted() === counted + 1, 'a datagram was not counted once');
        must(opened === before + (verdict.ok ? 1 : 0), 'the door did not open as it was judged');
        must(!verdict.ok || mayBeGood(sent), 'a datagram that no device wrote was good');
        must(verdict.ok || !isGood(sent), `a good knock was refused: ${JSON.stringify(verdict)}`);
      },
      settle: () => door.mustKnowReasons(),
      async close() {
        await new Promise<void>((resolve) => sender.close(resolve));
        await listener.stop();
      },
    } as OpenTarget<never>;
  },
};
