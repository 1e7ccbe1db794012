/** `npm start -- --journey`: the walk that shows a newcomer everything once. */
import t from 'tap';
import { runTool } from '../support/journey-tools.ts';
import { needs } from '../support/programs.ts';

for (const door of ['none', 'prelude']) {
  t.test(`npm start -- --journey --door ${door}`, needs('npm'), async (t) => {
    const ran = await runTool('npm', ['--silent', 'start', '--', '--journey', '--json', '--door', door]);
    t.equal(ran.code, 0, ran.stderr);
    const steps = ran.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { step: string; ok: boolean; ms: number });
    t.equal(steps.length, 10);
    for (const { step, ok, ms } of steps) t.ok(ok, `${step} (${ms} ms)`);
  });
}
