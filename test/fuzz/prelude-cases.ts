/** What comes as the first bytes of a connection to a prelude door, in which pieces, and how its sender leaves. */
import { EventEmitter } from 'node:events';
import type { Server, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { minute } from '#shared/base/clock.ts';
import { knockBytes, preludeHeadBytes } from '#shared/contracts/knock.ts';
import { PreludeDoor } from '#shared/wire/doors/prelude-door.ts';
import { fuzzedClient, type KnockCase, knockCases, openFuzzedDoor } from './knock-cases.ts';
import { Find, must } from './target.ts';

export interface PreludeCase {
  readonly knock: KnockCase;
  /** What stands in front as its length; undefined for nothing. */
  readonly head: number | undefined;
  /** How much follows, as TLS would. */
  readonly tail: number;
  /** Where the bytes are cut, modulo their number. */
  readonly cuts: readonly number[];
  readonly leaves: 'by the end' | 'by a reset' | 'never';
}

/** A loaded machine has taken a second for what takes less than one thousandth. */
const lateMs = 10_000;
/** More than a socket takes at once. */
const most = 200_000;
const following = Buffer.from(Array.from({ length: most }, (_, at) => at % 251));

export const preludeCases: fc.Arbitrary<PreludeCase> = fc.record({
  knock: knockCases,
  head: fc.oneof(
    { weight: 6, arbitrary: fc.constant(knockBytes) },
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat(0xffff) },
  ),
  tail: fc.oneof({ weight: 8, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.nat(most) }),
  cuts: fc.oneof(fc.constant([]), fc.array(fc.nat(600), { maxLength: 5 })),
  leaves: fc.constantFrom('never', 'never', 'by the end', 'by a reset'),
});

/** The end of a connection that the fuzzer holds. */
export interface Visitor {
  send(piece: Uint8Array): void;
  end(): void;
  reset(): void;
  /** Bytes that came back. */
  readonly answered: number;
  /** The door's end is gone. */
  readonly gone: Promise<void>;
}

/** A door before `server`, whose listeners it takes over; `visit` makes a connection to it and tells which door it must meet. */
export function openFuzzedPrelude(visit: (door: 'patient' | 'hasty') => Promise<Visitor>) {
  const door = openFuzzedDoor();
  const inner = new EventEmitter<{ connection: [Socket] }>();
  const limits = { perSource: 64, total: 1024 };
  const doors = {
    patient: new PreludeDoor({ judge: door.judge, limits, waitMs: minute }),
    hasty: new PreludeDoor({ judge: door.judge, limits, waitMs: 1 }),
  };
  let entered: (socket: Socket) => void = () => {};
  inner.on('connection', (socket) => entered(socket));

  return {
    guard(server: Server, which: 'patient' | 'hasty') {
      server.on('connection', (socket: Socket) => inner.emit('connection', socket));
      doors[which].guard(server, 'mutual');
    },
    async judge(one: PreludeCase): Promise<void> {
      const { bytes, isGood, mayBeGood } = door.make(one.knock);
      const front = Buffer.alloc(one.head === undefined ? 0 : preludeHeadBytes);
      if (one.head !== undefined) front.writeUInt16BE(one.head);
      const sent = Buffer.concat([front, bytes, following.subarray(0, one.tail)]);
      const seen = sent.subarray(preludeHeadBytes, preludeHeadBytes + knockBytes);
      const rest = sent.subarray(preludeHeadBytes + knockBytes);
      const isRightHead = sent.length >= preludeHeadBytes && sent.readUInt16BE() === knockBytes;
      // Nobody can leave before a door that has heard enough; the other door sends away who says too little.
      const isEnough =
        sent.length >= preludeHeadBytes && (!isRightHead || sent.length >= preludeHeadBytes + knockBytes);
      const counted = door.counted();
      const which = isEnough ? 'patient' : 'hasty';
      const handedOver = new Promise<Socket>((resolve) => (entered = resolve));
      const visitor = await visit(which);
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => late.reject(new Find('neither let in nor closed')), lateMs);
      try {
        for (const piece of cut(sent, one.cuts)) {
          visitor.send(piece);
          await turn();
        }
        if (one.leaves === 'by the end') visitor.end();
        if (one.leaves === 'by a reset') visitor.reset();
        const socket = await Promise.race([handedOver, visitor.gone, late.promise]);
        must(visitor.answered === 0, `${visitor.answered} bytes came back`);
        if (socket === undefined) {
          must(!isGood(seen) || !isRightHead || one.leaves !== 'never', 'a good knock was refused');
        } else {
          must(mayBeGood(seen) && isRightHead, 'a prelude that no device wrote was good');
          must(doors[which].clientOf(socket) === fuzzedClient, 'the door does not know who knocked');
          if (one.leaves === 'never') await mustFollow(socket, rest);
          socket.on('error', () => {}).destroy();
          await Promise.race([visitor.gone, late.promise]);
          must(doors[which].clientOf(socket) === undefined, 'the door remembers who has left');
        }
        // One that was reset may never have been a connection to the door.
        const more = door.counted() - counted;
        must(more === 1 || (more === 0 && one.leaves === 'by a reset'), `a connection was counted ${more} times`);
        must(doors[which].waiting === 0, 'somebody still waits at the door');
      } finally {
        clearTimeout(timer);
        visitor.reset();
      }
    },
    settle: () => door.mustKnowReasons(),
    stop() {
      for (const each of Object.values(doors)) each.stop();
    },
  };
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end));
}

/** All that came behind the knock reaches the server, in order. */
async function mustFollow(socket: Socket, tail: Buffer): Promise<void> {
  const parts: Buffer[] = [];
  let length = 0;
  while (length < tail.length) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) await new Promise((resolve) => socket.once('readable', resolve));
    else {
      parts.push(chunk);
      length += chunk.length;
    }
  }
  must(Buffer.concat(parts).equals(tail), 'what followed the knock did not reach the server as it was sent');
}
