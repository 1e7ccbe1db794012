/** `posternctl device`, `session`, `posture`. */
import { readFileSync } from 'node:fs';
import type { CliCommand } from '#shared/base/cli.ts';
import { printTable, safeText } from '#shared/base/print-table.ts';
import { readSecret } from '#shared/base/read-secret.ts';
import { withAdmin } from './connect.ts';
import { answerDone, answerList, answerThing, chosen, given, option, when } from './show.ts';
import { answerCut } from './show-cut.ts';

const setState =
  (state: 'active' | 'suspended' | 'gone', done: string): CliCommand['run'] =>
  (call) =>
    withAdmin(call, async (admin) => {
      const [id = ''] = call.args;
      return answerCut(call, await admin.setDeviceState({ params: { id }, body: { state } }), `${id} is ${done}.`);
    });

export const deviceCommands: Readonly<Record<string, CliCommand>> = {
  'device list': {
    about: 'All devices',
    options: { person: { type: 'string', value: 'ID', about: 'Of this person only' } },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.devices({ query: given({ person: option(call, 'person') }) });
        answerList(call, items, ({ id, person, name, os, state, ownership, lastSeenAt }) => ({
          id,
          person,
          name,
          os,
          state,
          ownership,
          'last seen': when(lastSeenAt),
        }));
      }),
  },
  'device show': {
    about: 'One device with its posture',
    args: '<id>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { posture, ...device } = await admin.device({ params: { id: call.args[0]! } });
        if (call.json) return call.io.out(JSON.stringify({ ...device, posture }));
        answerThing(call, device);
        const rows = posture.map(({ fact, value, state, source, at, detail }) => ({
          fact,
          value: JSON.stringify(value),
          state,
          source,
          measured: when(at),
          detail,
        }));
        call.io.out(`\n${printTable(rows)}`);
      }),
  },
  'device approve': {
    about: 'Approve a pending device after comparing its fingerprint with the employee',
    args: '<id>',
    options: {
      fingerprint: { type: 'string', value: 'TEXT', about: 'As the employee reads it to you; asked for unless given' },
    },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const id = call.args[0]!;
        const device = await admin.device({ params: { id } });
        call.io.err(
          `Device "${safeText(device.name)}" (${device.os}) of ${device.person}, enrolled ${when(device.enrolledAt)}.`,
        );
        // Typed, not shown for a yes: who must type it has compared it.
        const fingerprint =
          option(call, 'fingerprint') ?? (await readSecret({ prompt: 'Fingerprint, as the employee reads it' }));
        const approved = await admin.approveDevice({ params: { id }, body: { fingerprint } });
        answerDone(call, approved, `${id} is ${approved.state}.`);
      }),
  },
  'device set': {
    about: 'Name or ownership of a device',
    args: '<id>',
    options: {
      name: { type: 'string', value: 'NAME', about: 'Name' },
      ownership: { type: 'string', value: 'WHOSE', about: 'company, personal or unknown' },
    },
    run: (call) =>
      withAdmin(call, async (admin) => {
        const body = given({
          name: option(call, 'name'),
          ownership: chosen(call, 'ownership', ['company', 'personal', 'unknown']),
        });
        const { posture: _, ...device } = await admin.setDevice({ params: { id: call.args[0]! }, body });
        answerThing(call, device);
      }),
  },
  'device suspend': {
    about: 'Take a device out of service until lifted',
    args: '<id>',
    run: setState('suspended', 'suspended'),
  },
  'device lift': { about: 'Lift a suspension', args: '<id>', run: setState('active', 'back in service') },
  'device remove': { about: 'Remove for good: it must be enrolled again', args: '<id>', run: setState('gone', 'gone') },
  'session list': {
    about: 'Live sessions',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const { items } = await admin.sessions();
        answerList(call, items, ({ id, person, device, startedAt, lastActiveAt, endsAt, idle, methods }) => ({
          id,
          person,
          device,
          started: when(startedAt),
          'last active': when(lastActiveAt),
          ends: when(endsAt),
          idle,
          methods: methods.join(','),
        }));
      }),
  },
  'inventory list': {
    about: 'Serial numbers of company devices, which need no other approval',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(
          call,
          (await admin.inventory()).serials.map((serial) => ({ serial })),
          (row) => row,
        ),
      ),
  },
  'inventory set': {
    about: 'Replace the list of serial numbers by the lines of a file',
    args: '<file>',
    run: (call) =>
      withAdmin(call, async (admin) => {
        const lines = readFileSync(call.args[0]!, 'utf8').split('\n');
        const serials = [...new Set(lines.map((line) => line.trim()).filter((line) => line !== ''))];
        await admin.putInventory({ body: { serials } });
        answerDone(call, { serials: serials.length }, `${serials.length} serial numbers are in the inventory.`);
      }),
  },
  'posture coverage': {
    about: 'How many active devices pass, fail or are unknown, by fact',
    run: (call) =>
      withAdmin(call, async (admin) => answerList(call, (await admin.postureCoverage()).items, (row) => ({ ...row }))),
  },
  'posture checks': {
    about: 'Admin-defined checks',
    run: (call) =>
      withAdmin(call, async (admin) =>
        answerList(call, (await admin.checks()).items, ({ id, title }) => ({ id, title })),
      ),
  },
};
