/** A message's way into force: this process's state, the data paths, what is remembered of it, the acknowledgement. */
import type { StreamMessage } from '#shared/contracts/gateway-to-controller.ts';
import type { ControllerTimes, StateKeeper } from '../state/state-keeper.ts';
import type { DataPlane, Place } from '../workers/data-plane.ts';
import type { Acknowledger } from './acknowledge.ts';

export interface TakeParts {
  readonly keeper: StateKeeper;
  readonly plane: Pick<DataPlane, 'start' | 'apply'>;
  readonly acknowledger: Pick<Acknowledger, 'applied'>;
  /** A generation begins: the controller may have forgotten what it was told (P35). */
  readonly onGeneration: () => void;
  /** What must be before it listens. */
  readonly beforeServing: () => Promise<void>;
  /** A cut that has no number is in force everywhere. */
  readonly onCut: (id: string, streams: number) => void;
  /** There is another state, which is not in force everywhere yet. */
  readonly onState: () => void;
  /** The roots have changed: they must outlive this process. */
  readonly onBundle: (bundle: readonly string[]) => void;
}

export interface Taking {
  readonly onMessage: (message: StreamMessage, times: ControllerTimes) => Promise<void>;
  /** Where agents are served, once the first snapshot is in force. */
  readonly serving: Promise<Place>;
}

export function takeMessages(parts: TakeParts): Taking {
  const { keeper, plane, acknowledger, beforeServing, onCut, onGeneration, onState, onBundle } = parts;
  const serving = Promise.withResolvers<Place>();
  let isServing = false;
  const putInForce = async (message: StreamMessage, times: ControllerTimes): Promise<number> => {
    if (isServing) return plane.apply(message, times);
    isServing = true;
    // What keeps it from listening will not go away by another message: whoever started it is told.
    await beforeServing()
      .then(() => plane.start(keeper.asMessage(), times))
      .then(serving.resolve, serving.reject);
    return 0;
  };
  serving.promise.catch(() => {});
  return {
    serving: serving.promise,
    async onMessage(message, times) {
      const before = keeper.isEmpty ? undefined : keeper.snapshot;
      keeper.apply(message, times);
      onState();
      const streams = await putInForce(message, times);
      const { generation, bundle, n } = keeper.snapshot;
      if (before?.bundle !== bundle) onBundle(bundle);
      if (before?.generation !== generation) onGeneration();
      if (message.t === 'cut') onCut(message.id, streams);
      else if (message.t !== 'heartbeat') acknowledger.applied(generation, n, streams);
    },
  };
}
