import t from 'tap';
import type { HttpApp } from '../../shared/contracts/app.ts';
import { runController } from '../controller/support/run-controller.ts';

const odd = ['https://[x', 'https://wiki.example:99999', 'https://a:b', 'https://-:-'];

t.test(
  'P12 an origin that is none is refused when it is written: it would break the list of apps of everybody',
  async (t) => {
    const { as } = await runController(t);
    const shell = as({ reason: 'test' });
    await shell.putSite({ params: { id: 'hq' }, body: { name: 'HQ' } }).catch(() => undefined);
    const { items } = await shell.sites();
    const site = items[0]!.id;
    const app: HttpApp = {
      id: 'wiki',
      name: 'Wiki',
      site,
      kind: 'http',
      hosts: ['wiki.example'],
      upstream: 'http://127.0.0.1:9',
    };
    for (const origin of odd) {
      const body = { ...app, allowOrigins: [origin] };
      await t.rejects(shell.putApp({ params: { id: 'wiki' }, body }), { code: 'bad-request' }, origin);
    }
    await shell.putApp({
      params: { id: 'wiki' },
      body: { ...app, allowOrigins: ['https://crm.example:8443', 'http://[::1]:3000', 'app://desk'] },
    });
  },
);
