/** The system's resolver with a real systemd-resolved, in a network, a bus and a /run of the test's own. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { needs } from '../support/programs.ts';

const { skip } = needs('systemd-resolved', 'resolvectl', 'dbus-daemon', 'dig', 'ip', 'unshare');
const mayUnshare = () => spawnSync('unshare', ['-mnp', '--fork', 'true'], { stdio: 'ignore' }).status === 0;
const why = skip !== false ? skip : mayUnshare() ? undefined : 'making namespaces takes root';

const enter = 'mount --make-rprivate / && ip link set lo up && exec "$@"';
const inner = join(import.meta.dirname, '../support/resolver-in-namespace.ts');
const line = ['-mnp', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', enter, 'sh', process.execPath, inner];
t.spawn('unshare', line, why === undefined ? { timeout: 240_000 } : { skip: why }, 'in a host of its own');
