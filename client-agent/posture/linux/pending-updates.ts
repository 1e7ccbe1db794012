/**
 * Security updates that wait, by apt or dnf, from the lists that are already on the machine: no network, no lock, no root.
 * apt and dnf 4 tell no date of an update; `update-age.ts` says what stands in. The date of the lists is the server's own date of
 * the security index, so a machine that has not heard of new updates for a week is unknown rather than good.
 */
import { type Host, outputOf, whyNot } from '../host.ts';
import { judgeWaiting, type Pending, type WaitingUpdate } from '../update-age.ts';
import { parseAptUpgrade } from './parse-apt.ts';
import { parseDnfUpdates } from './parse-dnf.ts';

const aptLists = '/var/lib/apt/lists';
const dnfCaches = ['/var/cache/libdnf5', '/var/cache/dnf'];
const slow = 14_000;

export async function readPending(host: Host): Promise<Pending> {
  const apt = await host.stat('/usr/bin/apt-get');
  if (apt.ok) return await readApt(host);
  const dnf = await host.stat('/usr/bin/dnf');
  if (dnf.ok) return await readDnf(host);
  return { known: false, detail: 'neither apt nor dnf is here' };
}

async function readApt(host: Host): Promise<Pending> {
  // dist-upgrade, because `upgrade` leaves out what needs a new package, every kernel for one.
  const run = await host.exec('apt-get', ['-s', '-o', 'Debug::NoLocking=1', 'dist-upgrade'], slow);
  if (!run.ran || run.code !== 0) return { known: false, detail: whyNot('apt-get', run) };
  const waiting = parseAptUpgrade(run.stdout);
  if (waiting === undefined) return { known: false, detail: 'the answer of apt-get is not understood' };
  const listDate = await newest(host, aptLists, (name) => /security.*_(In)?Release$/i.test(name));
  if (listDate === undefined) return { known: false, detail: 'apt has no list of security updates' };
  return await judge(host, 'apt', await Promise.all(waiting.map((update) => withChange(host, update))), listDate);
}

async function readDnf(host: Host): Promise<Pending> {
  const output = await outputOf(host, 'dnf', ['-C', '-q', 'updateinfo', 'list', '--security']);
  const waiting = output === undefined ? undefined : parseDnfUpdates(output);
  if (waiting === undefined) return { known: false, detail: 'dnf gave no list that is understood' };
  const dates: number[] = [];
  for (const cache of dnfCaches) {
    const repos = await host.readdir(cache);
    for (const repo of repos.ok ? repos.value : []) {
      const repomd = await host.stat(`${cache}/${repo}/repodata/repomd.xml`);
      if (repomd.ok) dates.push(repomd.value.mtimeMs);
    }
  }
  if (dates.length === 0) return { known: false, detail: 'dnf has no list of updates' };
  return await judge(host, 'dnf', waiting, Math.max(...dates));
}

async function judge(host: Host, topic: string, waiting: WaitingUpdate[], listDate: number): Promise<Pending> {
  const seen = await host.firstSeen(
    topic,
    waiting.map((update) => update.name),
  );
  return judgeWaiting(waiting, { now: host.now(), listDate, seen });
}

/** dpkg writes the list of a package's files at each change of the package. */
async function withChange(host: Host, update: WaitingUpdate): Promise<WaitingUpdate> {
  const name = update.name.split(' ')[0]!;
  if (!/^[a-z0-9][a-z0-9+.:-]+$/.test(name)) return update;
  const dates: number[] = [];
  for (const spelling of [name, `${name}:amd64`, `${name}:arm64`]) {
    const facts = await host.stat(`/var/lib/dpkg/info/${spelling}.list`);
    if (facts.ok) dates.push(facts.value.mtimeMs);
  }
  return dates.length === 0 ? update : { ...update, changed: Math.min(...dates) };
}

async function newest(host: Host, dir: string, wanted: (name: string) => boolean): Promise<number | undefined> {
  const names = await host.readdir(dir);
  const dates: number[] = [];
  for (const name of names.ok ? names.value.filter(wanted) : []) {
    const facts = await host.stat(`${dir}/${name}`);
    if (facts.ok) dates.push(facts.value.mtimeMs);
  }
  return dates.length === 0 ? undefined : Math.max(...dates);
}
