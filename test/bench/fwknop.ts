/**
 * The kernel door beside fwknopd, the other way to open a port by one packet: the same host, the same client, knock by knock in turn.
 * fwknopd twice: as it comes, reading the interface ten times a second, and as a UDP server, which is its quickest way.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { knockPort, mutualPort, sources } from '../support/kernel-door-world.ts';
import { findProgram } from '../support/programs.ts';
import { makeWorld, startClient, startFlood, timeKnock, told, type World } from './knock-rig.ts';
import { type Bench, interleaved, median, type Result, type Run, times } from './measure.ts';

const rounds = Number(process.env['BENCH_KNOCK_ROUNDS'] ?? 100);
const floodSources = 4000;
const protectedPort = 9443;

type Contender = 'postern' | 'fwknopd' | 'fwknopd-udp';
const contenders: readonly Contender[] = ['postern', 'fwknopd', 'fwknopd-udp'];
const titles = {
  postern: 'Postern',
  fwknopd: 'fwknopd as it comes',
  'fwknopd-udp': 'fwknopd as a UDP server',
} as const;

interface Door {
  readonly udp: number;
  readonly port: number;
  readonly knock: () => Buffer;
  readonly shut: () => void;
}

export const fwknop: Bench = {
  name: 'fwknop',
  about: 'from a knock to the open port, beside fwknopd, alone and under altered knocks; needs root',
  needs: ['nft', 'ip', 'tcpdump', 'fwknopd', 'fwknop', 'iptables'],
  async run(run) {
    const world = await makeWorld(run);
    const served = await world.serve();
    if (served.said.ready === undefined) throw new Error(served.said.refused);
    const doors: Record<Contender, Door> = {
      postern: {
        udp: knockPort,
        port: mutualPort,
        knock: () => world.knockers[0].knock(),
        shut: () => world.nft(`flush set inet postern_gateway_${mutualPort} let_in_ipv4`),
      },
      fwknopd: await startFwknopd(run, world, { udp: 62_210, port: protectedPort, server: false }),
      'fwknopd-udp': await startFwknopd(run, world, { udp: 62_220, port: protectedPort + 1, server: true }),
    };
    const client = await startClient(world);
    const results: Result[] = [];
    const measure = async (what: string, names: readonly Contender[], count: number) => {
      const took = await interleaved(names, count, async (name) => {
        const { udp, port, knock, shut } = doors[name];
        shut();
        const ms = await timeKnock(client, { how: 'open', knocks: [knock().toString('base64')], port, udp });
        await sleep(60);
        return ms;
      });
      for (const name of names) {
        const beside = name === 'postern' ? '' : `${times(median(took[name]) / median(took.postern))} Postern's median`;
        results.push({ what: `${titles[name]}, ${what}`, measured: told(took[name]), beside });
        run.tell(`${titles[name]}, ${what}: ${told(took[name])}`);
      }
    };
    await measure('nothing else', contenders, rounds);
    // Each under its own flood, at its own port.
    for (const name of contenders) {
      const { udp, knock } = doors[name];
      const seen = knock();
      const datagrams = Array.from({ length: 64 }, (_, at) => alter(seen, 100 + at));
      const flood = await startFlood(world, { sources: floodSources, datagrams, udp });
      const took: number[] = [];
      for (let round = 0; round < Math.ceil(rounds / 4); round += 1) {
        const door = doors[name];
        door.shut();
        const knocks = [door.knock().toString('base64')];
        took.push(await timeKnock(client, { how: 'open', knocks, port: door.port, udp }));
        await sleep(60);
      }
      const { sent, seconds } = await flood.stop();
      const what = `${titles[name]}, altered knocks from ${floodSources} sources`;
      results.push({ what, measured: told(took), beside: `${(sent / seconds).toFixed(0)} a second sent` });
      run.tell(`${what}: ${told(took)}`);
    }
    return results;
  },
};

/** Another letter of base64, which is also another byte. */
function alter(knock: Buffer, at: number): Buffer {
  const other = Buffer.from(knock);
  other[at] = knock[at] === 0x41 ? 0x42 : 0x41;
  return other;
}

async function startFwknopd(
  run: Run,
  world: World,
  { udp, port, server }: { udp: number; port: number; server: boolean },
): Promise<Door> {
  const dir = join(run.dir, `fwknop-${udp}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text, { mode: 0o600 });
  const keys = Object.fromEntries(
    execFileSync(findProgram('fwknop')!, ['--key-gen', '--no-rc-file'], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.split(': ') as [string, string]),
  );
  const keyLines = `KEY_BASE64 ${keys['KEY_BASE64']}\nHMAC_KEY_BASE64 ${keys['HMAC_KEY_BASE64']}\n`;
  const chain = `FWKNOP_INPUT_${udp}`;
  write(
    'fwknopd.conf',
    [
      'PCAP_INTF door;',
      `PCAP_FILTER udp port ${udp};`,
      ...(server ? ['ENABLE_UDP_SERVER Y;', `UDPSERV_PORT ${udp};`] : []),
      `IPT_INPUT_ACCESS ACCEPT, filter, INPUT, 1, ${chain}, 1;`,
      `FIREWALL_EXE ${findProgram('iptables')};`,
      `FWKNOP_RUN_DIR ${dir};`,
      '',
    ].join('\n'),
  );
  write('access.conf', `SOURCE ANY\n${keyLines}FW_ACCESS_TIMEOUT 30\n`);
  write('rc', `[default]\n${keyLines}USE_HMAC Y\n`);
  const inside = (program: 'iptables', ...args: string[]) =>
    execFileSync(findProgram('ip')!, ['netns', 'exec', world.inside, findProgram(program)!, '-w', ...args]);
  inside('iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', String(port), '-j', 'DROP');
  const listener = `require('node:net').createServer((socket) => socket.on('error', () => {})).listen(${port}, '0.0.0.0', () => process.send('up'));
    process.on('disconnect', () => process.exit(0));`;
  await once(world.start('inside', [process.execPath, '-e', listener]), 'message');
  const options = ['-f', '-c', join(dir, 'fwknopd.conf'), '-a', join(dir, 'access.conf'), '-r', dir];
  // It says a line of every bad packet: to nowhere, which costs it least.
  world.start('inside', ['/bin/sh', '-c', 'exec "$0" "$@" >/dev/null 2>&1', findProgram('fwknopd')!, ...options]);
  const packets = madeKnocks(join(dir, 'rc'), join(dir, 'packet'), port, rounds * 2 + 10);
  for (let tries = 0; ; tries += 1) {
    const chains = inside('iptables', '-S').toString();
    if (chains.includes(chain)) break;
    if (tries > 100) throw new Error('fwknopd did not start');
    await sleep(50);
  }
  return {
    udp,
    port,
    knock: () => {
      const next = packets.pop();
      if (next === undefined) throw new Error('more knocks were wanted than were made');
      return next;
    },
    shut: () => inside('iptables', '-F', chain),
  };
}

/** Made beforehand, so that fwknop's client counts for nothing. */
function madeKnocks(rc: string, file: string, port: number, count: number): Buffer[] {
  const args = ['--rc-file', rc, '-n', 'default', '-A', `tcp/${port}`, '-a', sources.ipv4[0], '-D', '10.77.0.1'];
  return Array.from({ length: count }, () => {
    rmSync(file, { force: true });
    execFileSync(findProgram('fwknop')!, [...args, '--test', '--save-packet', file], { stdio: 'ignore' });
    return Buffer.from(readFileSync(file, 'latin1').trim());
  });
}
