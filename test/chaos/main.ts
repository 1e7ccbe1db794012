/** `npm run chaos -- --moments 100 --seed S`: kills each process at random moments under load, and checks what must hold. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    moments: { type: 'string', default: '100' },
    seed: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help || !/^[1-9]\d{0,4}$/.test(values.moments)) {
  process.stdout.write(`npm run chaos -- [--moments N] [--seed TEXT]

Starts controller, gateway with two workers and three agents, kills one of them, or controller and gateway together, with kill -9 at each of N random moments
(100 unless told) while people work and an administrator changes things, and checks log, its proofs and apps afterwards.
The seed is printed; the same seed brings the same choices back. Exits 1 when something does not hold.
`);
  process.exit(values.help ? 0 : 2);
}
const env = { ...process.env, POSTERN_CHAOS_MOMENTS: values.moments };
if (values.seed !== undefined) Object.assign(env, { POSTERN_SEED: values.seed });
const test = join(import.meta.dirname, '../journeys/kill-nine.test.ts');
const { status } = spawnSync(process.execPath, [test], { env, stdio: 'inherit' });
process.exit(status ?? 1);
