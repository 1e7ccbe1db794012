/** The first policy of an app, written for the administrator: a group or a person may use all of it, with a second factor. */
import type { CliCall } from '#shared/base/cli.ts';
import type { App } from '#shared/contracts/app.ts';
import type { AdminClient } from './connect.ts';
import { tellingProblems } from './policy/tell-problems.ts';
import { usage } from './show.ts';

interface Whom {
  readonly id: string;
  readonly kind: 'Group' | 'Person';
}

/** A group, or else a person. Throws `bad-request` when there is neither. */
export async function findWhom(admin: AdminClient, id: string): Promise<Whom> {
  const [groups, people] = await Promise.all([admin.groups(), admin.people()]);
  if (groups.items.some((group) => group.id === id)) return { id, kind: 'Group' };
  if (people.items.some((person) => person.id === id)) return { id, kind: 'Person' };
  throw usage(`there is neither a group nor a person ${id}: posternctl group set ${id}, or person add ${id}`);
}

/** Publishes the policies in force and one more. Throws `bad-request` when that one is there already. */
export async function permitApp(call: CliCall, admin: AdminClient, app: App, { id, kind }: Whom): Promise<void> {
  const before = await admin.status();
  const { files, tests } = before.epoch === 0 ? { files: [], tests: [] } : await admin.policy({ query: {} });
  const name = `${app.id}-${id}`;
  if (files.some((file) => file.id === name)) throw usage(`there is a policy ${name} already: posternctl policy show`);
  const principal = kind === 'Group' ? `principal in Group::"${id}"` : `principal == Person::"${id}"`;
  const action = app.kind === 'http' ? 'request' : 'connect';
  const text = `@id("${name}")
permit (${principal}, action == Action::"${action}", resource == App::"${app.id}")
when { context.session.secondFactor };
`;
  const message = `${id} may use ${app.id}`;
  const body = { files: [...files, { id: name, text }], tests, message, expectedEpoch: before.epoch };
  const { epoch } = await tellingProblems(call, () => admin.publishPolicy({ body }));
  if (!call.json) call.io.err(`Policy ${name}: ${message}. Version ${epoch} is in force: posternctl policy show`);
}
