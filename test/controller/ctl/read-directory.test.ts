import { join } from 'node:path';
import t from 'tap';
import { checkApp, readDirectory } from '../../../controller/ctl/read-directory.ts';

t.test('a kind that is none is the only complaint about its app', async (t) => {
  const dir = t.testdir({ 'apps.yaml': 'apps:\n  - id: x\n    kind: htp\ngrups: []\n' });
  t.throws(() => readDirectory(dir), {
    message: `${dir} cannot be used:\n  - apps.yaml: grups is not known here\n  - apps.yaml: apps.x.kind must be http or tcp`,
  });
});

t.test('an upstream of another form is answered with an example, not with a pattern', async (t) => {
  const app = { id: 'x', name: 'X', kind: 'http', site: 'main', hosts: ['x.corp.internal'], upstream: 'foo' };
  t.throws(() => checkApp(app), { message: /app: upstream is like http:\/\/10\.0\.0\.5:8080/ });
  t.same(checkApp({ ...app, upstream: 'http://127.0.0.1:8080' }), { ...app, upstream: 'http://127.0.0.1:8080' });
});

t.test('a file in place of the directory is named as one', async (t) => {
  const dir = t.testdir({ 'apps.yaml': 'apps: []\n' });
  t.throws(() => readDirectory(join(dir, 'apps.yaml')), { message: /is a file: give the directory that holds it/ });
});
