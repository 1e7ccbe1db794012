import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { request } from 'undici';
import { startApps } from '../../../deploy/quickstart/apps/start-apps.ts';
import { startFakeGateway } from './support.ts';

const mainFile = fileURLToPath(new URL('../../../deploy/quickstart/apps/main.ts', import.meta.url));
const gateway = await startFakeGateway(t);
const anyPort = { port: 0, keySetUrl: gateway.keySetUrl };
const settings = { wiki: anyPort, payroll: anyPort, live: anyPort, echo: { port: 0 } };

for (const end of ['SIGTERM', 'disconnect'] as const) {
  t.test(`the process prints one ready line, serves each app, and ends at ${end}`, async (t) => {
    const child = spawn(process.execPath, [mainFile, JSON.stringify(settings)], {
      stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const lines: string[] = [];
    const output = createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
    await once(output, 'line');
    const { ready, ports } = JSON.parse(lines[0]!) as { ready: boolean; ports: Record<string, number> };
    t.equal(ready, true);
    t.strictSame(Object.keys(ports), ['wiki', 'payroll', 'live', 'echo']);
    for (const app of ['wiki', 'payroll', 'live']) {
      const identity = { 'postern-identity': gateway.mint(app) };
      const answer = await request(`http://127.0.0.1:${ports[app]}/whoami`, { headers: identity });
      t.match(await answer.body.json(), { id: 'p-ada' }, app);
    }
    if (end === 'disconnect') child.disconnect();
    else child.kill(end);
    t.strictSame(await once(child, 'exit'), [0, null]);
    t.equal(lines.length, 1);
  });
}

t.test('bad settings are named', async (t) => {
  const complaintFor = async (text: string) => {
    const child = spawn(process.execPath, [mainFile, text], { stdio: ['ignore', 'ignore', 'pipe'] });
    let complaint = '';
    child.stderr.on('data', (chunk) => {
      complaint += chunk;
    });
    const [code] = await once(child, 'close');
    return { code, complaint };
  };
  t.match(await complaintFor(JSON.stringify({ ...settings, live: { port: 1 }, echo: {} })), {
    code: 1,
    complaint: /live, echo/,
  });
  t.match(await complaintFor('{'), { code: 1, complaint: /JSON/ });
});

t.test('one taken port starts none', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  await t.rejects(startApps({ ...settings, live: { ...anyPort, port } }), { message: /EADDRINUSE/ });
});
