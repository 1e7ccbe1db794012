/**
 * A host of its own on this machine: namespaces for network, mounts, names and processes, with its own /etc, /var/lib and /home.
 * Everything in it ends with it. The README's commands run in it as they stand; what such a host lacks (sudo, a systemd that runs,
 * the network to clone from) has a stand-in that does the same to the same files.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Ran, runTool } from './journey-tools.ts';
import { findProgram, type Needs, needs } from './programs.ts';
import { root } from './source-tree.ts';

export interface RunInHost {
  readonly user?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface NamespaceHost {
  readonly name: string;
  /** Of its first process: for `ip link set ... netns PID`. */
  readonly pid: number;
  /** A directory that it shares with the test. */
  readonly dir: string;
  /** A line for its shell, to its end. */
  run(line: string, options?: RunInHost): Promise<Ran>;
  /** The same, while it runs. */
  start(line: string, options?: RunInHost): ChildProcess;
}

/** Why not, where it cannot be made. */
export function namespacesNeed(...programs: readonly string[]): Needs {
  const options = { ...needs('unshare', 'nsenter', 'runuser', 'useradd', 'ip', ...programs), timeout: 240_000 };
  if (options.skip !== false) return options;
  const works = spawnSync('unshare', ['-mnup', '--fork', 'true'], { stdio: 'ignore' }).status === 0;
  return works ? options : { ...options, skip: 'making namespaces takes root' };
}

const standIns: Readonly<Record<string, string>> = {
  sudo: `user=root
if [ "$1" = -u ]; then user=$2; shift 2; fi
exec env HOME="$(getent passwd "$user" | cut -d: -f6)" runuser -u "$user" -- "$@"`,
  // The clone is there already: this very tree.
  git: `[ "$1" = clone ] && [ $# = 3 ] && [ -f "$3/package.json" ]`,
  npm: `[ "$1" = ci ] && [ -x node_modules/.bin/node ]`,
  // What enable --now does with a unit: its command as its user with its environment, started again when it fails.
  systemctl: `echo "systemctl $*" >>"$SHARED/systemctl.log"
dir=/etc/systemd/system
if [ "$1" = --user ]; then shift; dir=$HOME/.config/systemd/user; fi
[ "$1" = daemon-reload ] && exit
[ "$1 $2" = "enable --now" ] || exit 1
unit=$dir/$3.service
case $3 in *@*) unit=$dir/\${3%%@*}@.service ;; esac
name=$3
value() { cat "$unit" "$unit.d"/*.conf 2>/dev/null | sed -n "s/^$1=//p" | sed "s/%i/\${name#*@}/g"; }
user=$(value User)
group=$(value Group)
caps=$(value AmbientCapabilities | tr A-Z a-z | sed 's/cap_/,+/g' | tr -d '\\n')
as() { exec "$@"; }
if [ -n "$user" ]; then
  as() { exec setpriv --reuid "$user" --regid "\${group:-$(id -g "$user")}" --init-groups --no-new-privs --bounding-set="-all$caps" --inh-caps="-all$caps" --ambient-caps="-all$caps" "$@"; }
fi
umask "$(value UMask)"
env="PATH=$PATH $(value Environment)"
home=$HOME
[ -z "$user" ] || home=$(getent passwd "$user" | cut -d: -f6)
env="$env HOME=$home"
( cd /; while ! ( as env -i $env $(value ExecStart) ); do sleep 0.2; done ) </dev/null >"$SHARED/$3.log" 2>&1 &
post=$(value ExecStartPost)
[ -z "$post" ] || ( as env -i $env \${post#-} ) >>"$SHARED/$3.log" 2>&1 || true`,
};

export async function makeHost(t: Test, name: string, place: string): Promise<NamespaceHost> {
  const dir = join(place, name);
  mkdirSync(join(dir, 'bin'), { recursive: true });
  // Its users must get at their tools and at the files of the test.
  chmodSync(place, 0o755);
  chmodSync(dir, 0o777);
  for (const [program, lines] of Object.entries(standIns)) {
    writeFileSync(join(dir, 'bin', program), `#!/bin/sh\nset -e\n${lines}\n`, { mode: 0o755 });
  }
  const setUp = `set -e
mkdir -p ${dir}/etc && cp -a /etc/. ${dir}/etc && mount --bind ${dir}/etc /etc
mkdir -p /etc/systemd/system
for place in /opt /home /var/lib /var/cache /usr/local/bin; do mount -t tmpfs -o mode=0755 tmpfs $place; done
hostname ${name}; ip link set lo up; echo ready; exec cat`;
  const child = spawn('unshare', ['-mnup', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', setUp], {
    // Its first process reads: it ends with the test, however that ends.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  });
  const failed = once(child, 'exit').then(() => Promise.reject(new Error(`no host ${name}: ${said.join('')}`)));
  failed.catch(() => {});
  await Promise.race([once(child.stdout, 'data'), failed]);
  const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());

  const start: NamespaceHost['start'] = (line, { user = 'root', env = {} } = {}) => {
    const home = user === 'root' ? '/root' : `/home/${user}`;
    const path = [`${home}/.local/bin`, join(dir, 'bin'), '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'].join(':');
    const set = Object.entries({ PATH: path, HOME: home, SHARED: dir, ...env }).map(
      ([key, value]) => `${key}=${value}`,
    );
    const as = user === 'root' ? [] : ['runuser', '-u', user, '--'];
    const inside = ['env', '-i', ...set, ...as, 'sh', '-c', `cd "$HOME" && ${line}`];
    return spawn(findProgram('nsenter')!, ['-t', String(pid), '-m', '-n', '-u', '-p', '--', ...inside], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  };
  const run: NamespaceHost['run'] = (line, options = {}) =>
    new Promise((resolve, reject) => {
      const running = start(line, options);
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      running.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
      running.stderr!.on('data', (chunk: Buffer) => err.push(chunk));
      running.stdin!.on('error', () => {});
      running.stdin!.end(options.input ?? '');
      running.once('error', reject);
      running.once('close', (code) =>
        resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
      );
    });
  return { name, pid, dir, run, start };
}

/** Puts this tree where a clone would be. */
export const cloneAt = (host: NamespaceHost, path: string): Promise<Ran> =>
  host.run(`mkdir -p ${path} && mount --bind -o ro ${root} ${path}`);

/** A switch: each host has one leg in it, with the address given. */
export async function connectHosts(
  hub: NamespaceHost,
  network: string,
  hosts: readonly (readonly [NamespaceHost, string])[],
) {
  const script = [`ip link add ${network} type bridge`, `ip link set ${network} up`];
  for (const [place, [{ pid }]] of hosts.entries()) {
    const port = `${network}${place}`;
    script.push(
      `ip link add ${port} type veth peer name ${network} netns ${pid}`,
      `ip link set ${port} master ${network} up`,
    );
  }
  // From outside its process namespace: the numbers are ours.
  const { code, stderr } = await runTool('nsenter', [
    '-t',
    String(hub.pid),
    '-n',
    '--',
    'sh',
    '-c',
    script.join(' && '),
  ]);
  if (code !== 0) throw new Error(`no network ${network}: ${stderr}`);
  for (const [host, address] of hosts) {
    await mustRun(host, `ip address add ${address} dev ${network} && ip link set ${network} up`);
  }
}

export async function mustRun(host: NamespaceHost, line: string, options?: RunInHost): Promise<string> {
  const { code, stdout, stderr } = await host.run(line, options);
  if (code !== 0) throw new Error(`${host.name}: ${line}\nended with ${code}: ${stdout}${stderr}`);
  return stdout;
}
