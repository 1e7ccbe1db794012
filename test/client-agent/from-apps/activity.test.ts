/** P19: what counts as use of a session is what a person's programs ask, not what the agent or an open portal page asks by itself. */
import t from 'tap';
import { ask, localRig } from './local-rig.ts';

t.test('P19 a portal page that looks again by itself is no use of the session', async (t) => {
  const rig = await localRig(t);
  const host = `postern.localhost:${rig.port}`;
  const before = rig.core.activities;
  t.equal((await ask(rig.port, { host, path: '/api/state' })).status, 200);
  t.equal(rig.core.activities, before);
  await ask(rig.port, { host, path: '/' });
  t.equal(rig.core.activities, before + 1, 'opening the page is');
  await ask(rig.port, { host, path: '/api/apps', method: 'POST' });
  t.ok(rig.core.activities > before + 1, 'and so is acting on it');
});
