/**
 * What the stream has told so far, as plain data, and the one function that takes a message in (P13). Pure: primary and
 * workers reduce the same messages to the same state.
 */
import type { Revocation } from '#shared/contracts/gateway-to-controller.ts';
import type { Floor, StreamChange, StreamMessage, WireState } from './stream-types.ts';

/**
 * The state after `message`, or the reason why it cannot be applied: the caller keeps what it has and asks for a fresh
 * snapshot. Heartbeats change nothing here.
 */
export function reduceMessage(state: WireState | undefined, message: StreamMessage): WireState | 'gap' | 'step-back' {
  if (message.t === 'snapshot') {
    const { t: _, time, ...rest } = message;
    return withCuts(rest, state?.cuts ?? [], time);
  }
  if (state === undefined) return 'gap';
  if (message.t === 'cut') return withCuts(state, message.revocations, message.time);
  if (message.n < state.n) return 'step-back';
  // A heartbeat names the last number that was sent: a higher one than ours means that something is missing.
  if (message.t === 'heartbeat') return message.n === state.n ? state : 'gap';
  if (message.after !== state.n || message.n <= state.n) return 'gap';
  let next = state;
  for (const change of message.changes) next = applyChange(next, change, message.time);
  return { ...next, n: message.n };
}

/** Ended ones are left out. */
function withCuts(state: WireState, more: readonly Revocation[], at: number): WireState {
  if (more.length === 0) return state;
  // One that is told again, after a reconnect, is the same.
  const byName = new Map([...(state.cuts ?? []), ...more].map((cut) => [`${cut.kind}/${cut.id}/${cut.seen}`, cut]));
  return { ...state, cuts: [...byName.values()].filter(({ until }) => until > at) };
}

function applyChange(state: WireState, change: StreamChange, at: number): WireState {
  switch (change.kind) {
    case 'app':
      return { ...state, apps: [...state.apps.filter(({ id }) => id !== change.app.id), change.app] };
    case 'app-gone':
      return { ...state, apps: state.apps.filter(({ id }) => id !== change.id) };
    case 'keys':
      return { ...state, keys: change.keys };
    case 'bundle':
      return { ...state, bundle: change.bundle };
    case 'revoke':
      return { ...state, revocations: [...state.revocations.filter(({ until }) => until > at), ...change.revocations] };
    case 'floor':
      return { ...state, floors: raise(state.floors, change.floors) };
    case 'deny':
      return { ...state, denied: [...state.denied.filter((id) => id !== change.id), change.id] };
    case 'undeny':
      return { ...state, denied: state.denied.filter((id) => id !== change.id) };
    case 'spread':
      return { ...state, spread: { from: at, until: Math.max(at + change.ms, state.spread?.until ?? 0) } };
    case 'knock-key':
      return { ...state, knockKeys: [...state.knockKeys.filter(({ id }) => id !== change.key.id), change.key] };
    case 'knock-gone':
      return { ...state, knockKeys: state.knockKeys.filter(({ id, until }) => until > at && !change.ids.includes(id)) };
    case 'key-sets':
      return { ...state, keySets: change.keySets };
  }
}

/** A floor never sinks but by a snapshot. */
function raise(floors: readonly Floor[], told: readonly Floor[]): Floor[] {
  const epochs = new Map(floors.map(({ app, epoch }) => [app, epoch]));
  for (const { app, epoch } of told) epochs.set(app, Math.max(epoch, epochs.get(app) ?? 0));
  return Array.from(epochs, ([app, epoch]) => ({ app, epoch }));
}
