/** The units: well formed by systemd's own judgement, and closed by its own measure. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { privateDir, runTool } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';
import { root } from '../support/source-tree.ts';

const units = readdirSync(join(root, 'deploy/systemd')).filter((name) => name.endsWith('.service'));

t.test('systemd-analyze verify has nothing to say', needs('systemd-analyze'), async (t) => {
  const dir = privateDir(t, 'units');
  mkdirSync(join(dir, 'units'));
  for (const name of units) {
    const text = readFileSync(join(root, 'deploy/systemd', name), 'utf8').replaceAll('/opt/postern', root);
    writeFileSync(join(dir, 'units', name), text);
  }
  for (const name of units) {
    const scope = name === 'postern-agent.service' ? ['--user'] : ['--man=no'];
    const file = join(dir, 'units', name);
    const env = { XDG_RUNTIME_DIR: dir };
    const { code, stdout, stderr } = await runTool('systemd-analyze', ['verify', ...scope, file], { env });
    const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(name));
    t.same({ code, said }, { code: 0, said: [] }, name);
  }
});

t.test(
  'with a kernel door and a low port: two capabilities more, and still closed',
  needs('systemd-analyze'),
  async (t) => {
    const dir = privateDir(t, 'door');
    const confs = (...names: string[]) =>
      names.map((name) => readFileSync(join(root, `deploy/systemd/${name}.conf`), 'utf8')).join('\n');
    const all = ['postern-controller.service', 'postern-gateway.service'].flatMap((name) =>
      [confs('kernel-door', 'one-port'), confs('kernel-door', 'low-port')].map((more) => [name, more] as const),
    );
    for (const [name, more] of all) {
      const file = join(dir, name);
      const text = readFileSync(join(root, 'deploy/systemd', name), 'utf8').replaceAll('/opt/postern', root);
      // As systemd reads a drop-in: after the unit's own lines of the section, the lists begun anew.
      writeFileSync(
        file,
        text.replace('[Install]', `CapabilityBoundingSet=\nAmbientCapabilities=\n${more}\n[Install]`),
      );
      t.equal((await runTool('systemd-analyze', ['verify', '--man=no', file])).code, 0, name);
      const { code, stdout } = await runTool('systemd-analyze', [
        'security',
        '--offline=true',
        '--threshold=30',
        '--no-pager',
        file,
      ]);
      t.equal(code, 0, `${name}: ${/Overall exposure.*/.exec(stdout)?.[0]}`);
    }
  },
);

t.test(
  'systemd-analyze security: servers are exposed to the network and little else',
  needs('systemd-analyze'),
  async (t) => {
    for (const name of units.filter((unit) => !unit.startsWith('postern-agent'))) {
      const file = join(root, 'deploy/systemd', name);
      // Exits with 1 above the threshold, in tenths: 2.0 is the upper end of its "OK".
      const args = ['security', '--offline=true', '--threshold=20', '--no-pager', file];
      const { code, stdout, stderr } = await runTool('systemd-analyze', args);
      t.equal(code, 0, `${name}: ${/Overall exposure.*/.exec(stdout)?.[0] ?? stderr}`);
      t.comment(/Overall exposure.*/.exec(stdout)?.[0]);
    }
  },
);
