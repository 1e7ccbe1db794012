/** `posternctl person`, `group`, `invite`, `invitation`. */
import type { CliCall, CliCommand, CliOption } from '#shared/base/cli.ts';
import type { adminPeople } from '#shared/contracts/admin-people.ts';
import type { AnswerOf } from '#shared/contracts/route.ts';
import { withAdmin } from './connect.ts';
import { invitePerson } from './invitation-commands.ts';
import {
  answerDone,
  answerList,
  answerThing,
  chosen,
  given,
  numbered,
  option,
  options,
  plural,
  usage,
  when,
} from './show.ts';
import { answerCut } from './show-cut.ts';

type PersonShown = AnswerOf<(typeof adminPeople)['putPerson']>;

const roles = ['employee', 'admin', 'auditor', 'owner'] as const;

const fields: Readonly<Record<string, CliOption>> = {
  name: { type: 'string', value: 'NAME', about: 'Full name' },
  email: { type: 'string', value: 'ADDRESS', about: 'Mail address' },
  role: { type: 'string', value: 'ROLE', about: roles.join(', ') },
  group: { type: 'string', value: 'ID', multiple: true, about: 'A group; several times for several. Replaces all' },
  risk: { type: 'string', value: 'N', about: '0 to 100, for policies' },
};

const putPerson = (call: CliCall, show: (call: CliCall, person: PersonShown) => void = answerThing) =>
  withAdmin(call, async (admin) => {
    const [id = ''] = call.args;
    const groups = options(call, 'group');
    const body = given({
      name: option(call, 'name'),
      email: option(call, 'email'),
      role: chosen(call, 'role', roles),
      groups: groups.length === 0 ? undefined : groups,
      risk: numbered(call, 'risk'),
    });
    show(call, await admin.putPerson({ params: { id }, body }));
  });

const setState =
  (state: 'active' | 'suspended' | 'gone', done: string): CliCommand['run'] =>
  (call) =>
    withAdmin(call, async (admin) => {
      const [id = ''] = call.args;
      return answerCut(call, await admin.setPersonState({ params: { id }, body: { state } }), `${id} is ${done}.`);
    });

const erasePerson: CliCommand['run'] = (call) =>
  withAdmin(call, async (admin) => {
    const [id = ''] = call.args;
    for (;;) {
      const erasure = await admin.erasePerson({ params: { id }, timeoutMs: 300_000 });
      const { done, looked, total, records, snapshots, unreadable = 0 } = erasure;
      if (done && unreadable > 0)
        call.io.err(
          `${plural(unreadable, 'record')} of the log cannot be read: whether what is left there tells of ${id} nobody knows (posternctl log verify)`,
        );
      if (done)
        return answerDone(
          call,
          erasure,
          `${id} is erased: out of ${records} records, with ${snapshots} snapshots of facts. Proofs of the log stay as they are.`,
        );
      if (!call.json) call.io.err(`${looked} of ${total} places of the log, ${records} records`);
    }
  });

export const personCommands: Readonly<Record<string, CliCommand>> = {
  'person list': {
    about: 'All people',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.people();
        answerList(call, items, ({ id, name, role, state, groups, factors, devices, lastSignInAt }) => ({
          id,
          name,
          role,
          state,
          groups: groups.join(','),
          factors: factors.join(','),
          devices,
          'last sign-in': when(lastSignInAt),
        }));
      }),
  },
  'person show': {
    about: 'One person',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => answerThing(call, await admin.person({ params: { id: call.args[0]! } }))),
  },
  'person add': {
    about: 'Add a person; with --invite also print the invitation for a first device',
    args: '<id>',
    options: { ...fields, invite: { type: 'boolean', about: 'Print an invitation: alone on standard output' } },
    run: async (call) => {
      const there = await withAdmin(call, async (admin) =>
        (await admin.people()).items.some(({ id }) => id === call.args[0]),
      );
      if (there) throw usage(`there is a person ${call.args[0]} already: posternctl person set`);
      if (call.values['invite'] !== true) return putPerson(call);
      await putPerson(call, ({ io }, { id, name }) => io.err(`${name} (${id}) is added.`));
      return invitePerson(call);
    },
  },
  'person set': {
    about: 'Change a person',
    args: '<id>',
    options: fields,
    run: async (call) => {
      // Asked first: a mistyped id must not become a new person.
      await withAdmin(call, (admin) => admin.person({ params: { id: call.args[0]! } }));
      return putPerson(call);
    },
  },
  'person groups': {
    about: 'Set the groups of a person; none takes all away',
    args: '<id> [group...]',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [id = '', ...groups] = call.args;
        await admin.person({ params: { id } });
        answerThing(call, await admin.putPerson({ params: { id }, body: { groups } }));
      }),
  },
  'person suspend': {
    about: 'End sessions and grants, refuse everything until lifted',
    args: '<id>',
    run: setState('suspended', 'suspended'),
  },
  'person lift': { about: 'Lift a suspension', args: '<id>', run: setState('active', 'active') },
  'person remove': {
    about: 'Remove for good: the id is never used again',
    args: '<id>',
    run: setState('gone', 'gone'),
  },
  'person erase': {
    about: 'Take everything personal of somebody who was removed out of log and store, for ever',
    args: '<id>',
    help: 'Proofs of the log stay right. Begins again where it was stopped. What lies elsewhere it does not reach: backups,\nexports and SIEMs, policy texts that name the person, gateways that are away (what they bring later is bare).',
    run: erasePerson,
  },
  'person erasures': {
    about: 'Who was erased, by a digest; with --of whether this id was',
    options: { of: { type: 'string', value: 'ID', about: 'Only the erasure of this id' } },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.erasures({ query: given({ person: option(call, 'of') }) });
        answerList(call, items, ({ id, digest, done, records, snapshots, beganAt, endedAt }) => ({
          id,
          digest: digest.slice(0, 16),
          done: done ? 'yes' : 'not yet',
          records,
          snapshots,
          began: when(beganAt),
          ended: when(endedAt),
        }));
      }),
  },
  'person reset-factors': {
    about: 'Void all factors; prints a one-time code for setting new ones',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const [id = ''] = call.args;
        const answer = await admin.resetFactors({ params: { id }, body: {} });
        if (call.json) return call.io.out(JSON.stringify(answer));
        call.io.err(
          `All factors of ${id} are void. On an enrolled device this code sets new ones, once, for ${Math.round(answer.expiresInMs / 3_600_000)} h:`,
        );
        call.io.out(answer.code);
      }),
  },
  'group list': {
    about: 'All groups',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.groups();
        answerList(call, items, ({ id, name, members, parents }) => ({
          id,
          name,
          parents: parents.join(','),
          members: members.join(','),
        }));
      }),
  },
  'group set': {
    about: 'Add or change a group',
    args: '<id>',
    options: {
      name: { type: 'string', value: 'NAME', about: 'Name' },
      member: { type: 'string', value: 'PERSON', multiple: true, about: 'A member; replaces all' },
      parent: { type: 'string', value: 'GROUP', multiple: true, about: 'A group that this one is in; replaces all' },
    },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const list = (name: string) =>
          call.values[name] === undefined ? undefined : options(call, name).filter((id) => id !== '');
        const body = given({ name: option(call, 'name'), members: list('member'), parents: list('parent') });
        answerThing(call, await admin.putGroup({ params: { id: call.args[0]! }, body }));
      }),
    help: 'An empty --member "" or --parent "" takes all away.',
  },
  'group remove': {
    about: 'Remove a group that no policy names',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        await admin.removeGroup({ params: { id: call.args[0]! } });
        answerDone(call, { removed: call.args[0] }, `The group ${call.args[0]} is removed.`);
      }),
  },
};
