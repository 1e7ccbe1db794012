/**
 * The first start: a controller, a gateway that joins, three people who enrol a device each and set their factors. Every
 * step goes through the same doors that real people use.
 */
import { randomSecret } from '#shared/base/bytes.ts';
import { systemClock } from '#shared/base/clock.ts';
import { currentTotp } from '#shared/crypto/totp.ts';
import { initStateDirectory } from '../../controller/init.ts';
import type { AdminClient, AgentClient } from './clients.ts';
import { configFile } from './configs.ts';
import { readOrganisation } from './organisation.ts';
import { plainEnvironment, run } from './processes.ts';
import {
  gatewayIsFresh,
  startAgentProcess,
  startAppsProcess,
  startControllerProcess,
  startGatewayProcess,
  type Triangle,
} from './start-triangle.ts';
import { type PersonId, people, type QuickstartState, type SampleUser, type StateFile, samplePeople } from './state.ts';

export interface SetUp {
  readonly admin: AdminClient;
  readonly agents: Readonly<Record<PersonId, AgentClient>>;
  readonly state: QuickstartState;
}

/** Returns the owner's invitation. */
export async function initController({ state, ports }: Triangle): Promise<string> {
  const { invitation } = await initStateDirectory(
    { dir: state.path('controller'), env: plainEnvironment(), clock: systemClock },
    {
      organisation: 'Sample Company',
      trustDomain: 'sample.internal',
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      owner: { id: 'olivia', name: samplePeople.olivia.name },
      bootstrapAddress: `127.0.0.1:${ports.bootstrap}`,
      mutualAddress: `127.0.0.1:${ports.mutual}`,
    },
  );
  return invitation;
}

/** Apps, groups, policies and people; returns an invitation for everyone but the owner, who has one. */
export async function describeOrganisation(
  { ports }: Triangle,
  admin: AdminClient,
  ownersInvitation: string,
): Promise<Record<PersonId, string>> {
  await admin.apply({ body: { bundle: readOrganisation(ports), dryRun: false, message: 'The sample organisation' } });
  const invitations: Record<PersonId, string> = { emil: '', audrey: '', olivia: ownersInvitation };
  for (const id of people) {
    const { name, role, groups } = samplePeople[id];
    await admin.putPerson({ params: { id }, body: { name, role, groups: [...groups] } });
    if (id === 'olivia') continue;
    invitations[id] = (await admin.invite({ body: { person: id, ownership: 'company' } })).invitation;
  }
  return invitations;
}

export async function joinGateway({ state, ports }: Triangle, admin: AdminClient): Promise<void> {
  const address = `127.0.0.1:${ports.gateway}`;
  const { invitation } = await admin.inviteGateway({ body: { id: 'gw-main', site: 'main', address } });
  await command(state, 'gateway', ['gateway/main.ts', 'join', '--config', configFile(state, 'gateway')], invitation);
}

export async function enrolDevice({ state }: Triangle, person: PersonId, invitation: string): Promise<void> {
  const args = ['client-agent/main.ts', 'enrol', '--config', configFile(state, person)];
  await command(state, `agent-${person}`, args, invitation);
}

export async function setUp(triangle: Triangle, say: (line: string) => void): Promise<SetUp> {
  say('making a controller: certificate authority, keys, database');
  const ownersInvitation = await initController(triangle);
  const admin = await startControllerProcess(triangle);
  say('describing the organisation: apps, groups, policies, posture rules');
  const invitations = await describeOrganisation(triangle, admin, ownersInvitation);
  say('joining a gateway, enrolling three devices');
  startAppsProcess(triangle);
  await Promise.all([
    joinGateway(triangle, admin),
    ...people.map((person) => enrolDevice(triangle, person, invitations[person])),
  ]);
  startGatewayProcess(triangle);
  say('signing everybody in with a password and a one-time code');
  const made = await Promise.all(
    people.map(async (person) => {
      const agent = await startAgentProcess(triangle, person);
      return { person, agent, user: await setFirstFactors(agent, person) };
    }),
  );
  await gatewayIsFresh(admin);
  const agents = Object.fromEntries(made.map(({ person, agent }) => [person, agent])) as SetUp['agents'];
  const users = Object.fromEntries(made.map(({ person, user }) => [person, user])) as QuickstartState['people'];
  const remembered: QuickstartState = { version: 1, people: users, ports: triangle.ports };
  triangle.state.write(remembered);
  return { admin, agents, state: remembered };
}

async function command(state: StateFile, name: string, args: readonly string[], input: string): Promise<void> {
  await run({
    name: args.slice(0, 2).join(' '),
    args,
    input: `${input}\n`,
    logFile: state.path('logs', `${name}.log`),
  });
}

/** What a new employee does on the portal: a password, an authenticator app, its first code. */
export async function setFirstFactors(agent: AgentClient, person: PersonId): Promise<SampleUser> {
  const password = randomSecret(12);
  let step = await agent.startSignIn({ body: { purpose: 'sign-in' } });
  const { flow } = step;
  step = await agent.answerSignIn({ params: { flow }, body: { method: 'set-password', value: password } });
  step = await agent.answerSignIn({ params: { flow }, body: { method: 'set-totp' } });
  const totpSecret = step.totp?.secret;
  if (totpSecret === undefined) throw new Error('the controller gave no secret for the authenticator app');
  // The step before this one, so that the codes of this and the next are still good for what follows.
  const value = currentTotp(totpSecret, Date.now() - 30_000);
  step = await agent.answerSignIn({ params: { flow }, body: { method: 'confirm-totp', value } });
  if (!step.signedIn) throw new Error(`${person} could not be signed in`);
  return { id: person, ...samplePeople[person], password, totpSecret };
}
