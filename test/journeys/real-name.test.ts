/** A real browser at `https://wiki.<zone>/`, by the agent's DNS and the issuer of this device, without a warning. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { needsChromium } from '../support/chromium.ts';
import { needs } from '../support/programs.ts';

const missing = needs('certutil', 'ip', 'unshare').skip || needsChromium().skip;
const mayUnshare = () => spawnSync('unshare', ['-mnp', '--fork', 'true'], { stdio: 'ignore' }).status === 0;
const why = missing || (mayUnshare() ? undefined : 'making namespaces takes root');

const enter = 'mount --make-rprivate / && ip link set lo up && exec "$@"';
const inner = join(import.meta.dirname, '../support/real-name-in-namespace.ts');
const line = ['-mnp', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', enter, 'sh', process.execPath, inner];
t.spawn('unshare', line, why === undefined ? { timeout: 240_000 } : { skip: why }, 'in a network of its own');
