/** `GET /v1/events`, kept open. An event is a hint: what it is about is asked for again. */
import { Check } from 'typebox/value';
import { second } from '#shared/base/clock.ts';
import type { Log } from '#shared/base/log.ts';
import { type AgentEvent, agentEvent } from '#shared/contracts/agent-to-controller.ts';
import { type LongChannel, openLongChannel } from '#shared/wire/long-channel.ts';
import { readSseJson } from '#shared/wire/sse.ts';
import type { ControllerLink } from './controller-link.ts';

export interface EventsOptions {
  readonly link: ControllerLink;
  readonly log: Log;
  readonly onEvent: (event: AgentEvent) => void;
  /** True when the stream has opened, false when it has ended. */
  readonly onOpen: (open: boolean) => void;
}

/** The controller says something each 20 s. */
const silenceMs = 60 * second;

export function followEvents({ link, log, onEvent, onOpen }: EventsOptions): LongChannel {
  return openLongChannel<AgentEvent>({
    connect: (signal) => link.calls.events({ signal }) as Promise<AsyncIterable<Buffer>>,
    read: readSseJson,
    check: (value): value is AgentEvent => Check(agentEvent, value),
    onMessage: (event) => {
      if (event.type === 'hello') link.heardTime(event.time);
      onEvent(event);
    },
    onState: (state, end) => {
      if (state === 'open') onOpen(true);
      if (state !== 'waiting') return;
      log.debug({ why: end?.error.message, waitMs: end?.waitMs }, 'the events of the controller have ended');
      onOpen(false);
    },
    silenceMs,
  });
}
