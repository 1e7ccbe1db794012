/** The edge-2 stream: every message checked, applied in order, acknowledged; what does not fit brings a fresh snapshot (P13). */
import { Compile } from 'typebox/compile';
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import {
  type CheckOrder,
  type StreamLine,
  type StreamMessage,
  staleAfterMs,
  streamLine,
} from '#shared/contracts/gateway-to-controller.ts';
import type { FrontDoor } from '#shared/contracts/knock.ts';
import { type LongChannel, openLongChannel } from '#shared/wire/long-channel.ts';
import type { ControllerTimes } from '../state/state-keeper.ts';
import type { ControllerLink } from './controller-link.ts';
import type { ControllerTime } from './controller-time.ts';

export interface FollowParts {
  readonly link: Pick<ControllerLink, 'client' | 'failOver' | 'address'>;
  readonly time: ControllerTime;
  /** What stands in front of this gateway: agents are told by the controller. */
  readonly door: () => FrontDoor;
  readonly log: Log;
  /** A controller answers, perhaps another one, or the same with another database. */
  readonly onOpen: () => void;
  /** Where the gateway is, so that only what follows must be sent; undefined asks for a snapshot. */
  readonly position: () => { readonly generation: string; readonly after: number } | undefined;
  /** Resolves when the message is in force everywhere. When it throws, the old state has stayed. */
  readonly onMessage: (message: StreamMessage, times: ControllerTimes) => Promise<void>;
  /** Must not hold up what follows. */
  readonly onCheck: (order: CheckOrder) => void;
}

export interface Following {
  /** What stands in front of this gateway has changed: the controller is told. */
  doorChanged(): void;
  /** P20: somebody named what is not known here. At most once in ten seconds a snapshot is asked for. */
  askAgain(): void;
  stop(): Promise<void>;
}

const askAgainMs = 10 * second;

const asQuery = ({ door, ports, preludePort }: FrontDoor) => ({
  ...(preludePort === undefined ? {} : { preludePort }),
  ...(door === 'none' ? {} : { door }),
  ...(ports === undefined ? {} : { knockPorts: ports.join(',') }),
});

export function followStream({ link, time, door, log, position, onOpen, onMessage, onCheck }: FollowParts): Following {
  const validator = Compile(streamLine);
  let wantsSnapshot = false;
  let nextAsk = 0;
  const channel: LongChannel = openLongChannel<StreamLine>({
    connect(signal) {
      time.restart();
      const from = wantsSnapshot ? undefined : position();
      return link.client.stream({ signal, query: { ...from, ...asQuery(door()) } });
    },
    check: (value): value is StreamLine => validator.Check(value),
    async onMessage(message) {
      if (message.t === 'check') return onCheck(message);
      const times = time.observe(message.time);
      try {
        await onMessage(message, times);
      } catch (error) {
        wantsSnapshot = true;
        throw error;
      }
      if (message.t === 'snapshot') wantsSnapshot = false;
      // It is in force all the same. Were the controller's clock set back, nothing would be fresh on this connection again.
      if (time.isHeldBack) channel.reconnect();
    },
    onState(state, end) {
      if (state === 'open') {
        log.info({ controller: link.address }, 'the stream is open');
        onOpen();
      }
      if (end === undefined) return;
      if (end.error.code === 'bad-answer') wantsSnapshot = true;
      log.warn({ err: end.error, controller: link.address, waitMs: end.waitMs }, 'the stream has ended');
      if (end.error.code === 'unreachable' || end.error.code === 'peer-refused') link.failOver();
    },
    backoff: { firstMs: second / 2, maxMs: 5 * second },
    silenceMs: staleAfterMs,
  });
  return {
    doorChanged: () => channel.reconnect(),
    askAgain() {
      const now = performance.now();
      if (now < nextAsk) return;
      nextAsk = now + askAgainMs;
      wantsSnapshot = true;
      channel.reconnect();
    },
    stop: () => channel.stop(),
  };
}
