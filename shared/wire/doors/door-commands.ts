/** `door status|apply|confirm|remove` of a controller and of a gateway, and `--uninstall`. */
import { join } from 'node:path';
import type { CliCall, CliCommand } from '../../base/cli.ts';
import { PosternError } from '../../base/errors.ts';
import { doorControl, doorSocket } from '../../contracts/door-control.ts';
import type { AnswerOf } from '../../contracts/route.ts';
import { callContract } from '../call-contract.ts';
import { makeUnixDispatcher } from '../make-dispatcher.ts';
import { removeKernelDoor } from './kernel-door.ts';
import { type DoorName, tableOf } from './kernel-rules.ts';
import { forgetTables, notedTables } from './noted-table.ts';

type State = AnswerOf<typeof doorControl.state>;

/** Of the configuration that this call names. */
export type DoorPlace = (call: CliCall) => { readonly dir: string; readonly name: DoorName };

export function doorCommands(program: string, placeOf: DoorPlace): Record<string, CliCommand> {
  const ask = async (call: CliCall, verb: 'state' | 'confirm' | 'remove'): Promise<State> =>
    clientOf(placeOf(call).dir)[verb]();
  return {
    'door status': {
      about: 'What stands in front of the ports, and what became of knocks',
      run: async (call) => show(call, await ask(call, 'state')),
    },
    'door apply': {
      about: 'Put the kernel door up while the process runs; it takes itself away unless it is confirmed',
      options: {
        'confirm-within': { type: 'string', value: 'TIME', about: 'Like 90s, 5m or 1h', required: true },
      },
      help: `Nothing is written down, and nobody has to stay at the terminal: the kernel itself forgets the door when the time is over.\nComes anybody in through it (a new connection, after a knock), "${program} door confirm" keeps it. For the next start: door in the configuration.`,
      async run(call) {
        const withinMs = toMs(String(call.values['confirm-within']));
        const state = await clientOf(placeOf(call).dir).apply({ body: { withinMs } });
        show(call, state);
        if (!call.json) call.io.out(`Come in from a device by a new connection, and then: ${program} door confirm`);
      },
    },
    'door confirm': {
      about: 'Keep a door that is on trial, once somebody has come in through it',
      async run(call) {
        show(call, await ask(call, 'confirm'));
        if (!call.json)
          call.io.out('It stays until the process stops. Set door in the configuration for the next start.');
      },
    },
    'door remove': {
      about: 'Take the kernel door away, of a running process or of one that has ended',
      run: (call) => uninstallDoor(call, placeOf(call)),
    },
  };
}

/** Also right when there is none, and when nothing runs. Says what it did. */
export async function uninstallDoor(call: CliCall, { dir, name }: ReturnType<DoorPlace>): Promise<void> {
  const running = await clientOf(dir)
    .remove()
    .catch((error: PosternError) => {
      if (error.code === 'unreachable' || error.code === 'unavailable') return undefined;
      throw error;
    });
  const noted = notedTables(dir);
  const names = noted.length > 0 ? noted : [name];
  if (running === undefined) for (const each of names) await removeKernelDoor(each);
  forgetTables(dir);
  const table = names.map(tableOf).join(', ');
  if (call.json) call.io.out(JSON.stringify({ removed: table, running: running !== undefined }));
  else {
    call.io.out(`The kernel door is gone: there is no table inet ${table}, and nothing else was changed.`);
    if (running !== undefined)
      call.io.out('The process runs on without it. With door: kernel or both it comes back at the next start.');
  }
}

function clientOf(dir: string) {
  const dispatcher = makeUnixDispatcher(join(dir, doorSocket));
  return callContract(doorControl, { dispatcher, origin: 'http://localhost' });
}

function show({ json, io }: CliCall, state: State): void {
  if (json) {
    io.out(JSON.stringify(state));
    return;
  }
  const { door, ports, table, trialMs, repairs, cameIn, knocks } = state;
  io.out(`door: ${door}`);
  if (table !== undefined) {
    io.out(`kernel door: table inet ${table}, knocks by UDP at ${ports.join(', ')}, put back ${repairs} times`);
    io.out(`connections that came in through it: ${cameIn}`);
  }
  if (trialMs !== undefined) io.out(`on trial: takes itself away in ${Math.ceil(trialMs / 1000)} s unless confirmed`);
  const counted = Object.entries(knocks).map(([outcome, count]) => `${outcome} ${count}`);
  io.out(`knocks: ${counted.length === 0 ? 'none' : counted.join(', ')}`);
}

const units = { s: 1000, m: 60_000, h: 3_600_000 } as const;

function toMs(text: string): number {
  const [, number, unit] = /^([1-9]\d{0,4})(s|m|h)$/.exec(text) ?? [];
  const ms = Number(number) * units[(unit ?? 's') as keyof typeof units];
  if (number !== undefined && ms <= 24 * units.h) return ms;
  throw new PosternError('bad-request', '--confirm-within wants a time like 90s, 5m or 1h, at most a day', {
    extra: { usage: true },
  });
}
