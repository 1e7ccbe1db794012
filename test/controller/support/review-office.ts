/** A controller with people who may use something, whose devices are enrolled, for access reviews. */
import type { Test } from 'tap';
import { myAccount } from '../../../shared/contracts/my-account.ts';
import { callContract } from '../../../shared/wire/call-contract.ts';
import { enrolAgent, joinGateway } from './fake-peers.ts';
import { type RunController, runController } from './run-controller.ts';
import { shellOf } from './run-ctl.ts';

export const staff = '@id("staff") permit(principal in Group::"staff", action, resource);\n';

/** emma and fred may use wiki and hr by the group staff; bob and cora have nothing; audrey is an auditor with a device and the right herself. */
export async function office(t: Test) {
  const controller = await runController(t);
  const shell = controller.as({ reason: 'test' });
  await shell.putGroup({ params: { id: 'staff' }, body: {} });
  for (const id of ['emma', 'fred', 'bob', 'cora', 'audrey'])
    await shell.putPerson({
      params: { id },
      body: { name: id, groups: id === 'emma' || id === 'fred' ? ['staff'] : [] },
    });
  for (const id of ['wiki', 'hr']) {
    const hosts: string[] = [`${id}.test`];
    const app = { id, name: id, kind: 'http', site: 'main', hosts, upstream: 'http://127.0.0.1:1' } as const;
    await shell.putApp({ params: { id }, body: app });
  }
  await shell.publishPolicy({ body: { files: [{ id: 'all', text: staff }], message: 'first' } });
  await joinGateway(t, controller, 'gw-main');
  // Now: certificates of a day that is still to come are good for nothing.
  for (const id of ['fred', 'audrey']) await enrolAgent(t, controller, id);
  const emma = await enrolAgent(t, controller, 'emma');
  const bob = meOf(await enrolAgent(t, controller, 'bob'));
  return { controller, shell, emma, bob, ctl: shellOf(controller) };
}

/** Signs in at the admin API, with other factors than those of their device. */
export async function signInAs({ store, signIn }: RunController, person: string, role: 'auditor' | 'admin') {
  await store.db.deleteFrom('factors').where('person_id', '=', person).execute();
  return signIn(person, role);
}

/** What the agent of a device asks for its person. */
export const meOf = ({ place, secret }: Awaited<ReturnType<typeof enrolAgent>>) =>
  callContract(myAccount, { ...place, headers: () => ({ authorization: `Postern-Session ${secret}` }) });
