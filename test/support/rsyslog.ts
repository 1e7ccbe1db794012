/** A real rsyslogd that receives RFC 5424 over TCP and, given certificates, over TLS, and writes what it parsed, a JSON object a line. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { untilItWorks } from '../../deploy/quickstart/clients.ts';
import { untilItListens } from './journey-servers.ts';
import { findProgram, needs } from './programs.ts';

export const hasTlsDriver = globSync('/usr/lib/*/rsyslog/lmnsd_gtls.so').length > 0;

export const needsRsyslog = () => {
  const wanted = needs('rsyslogd');
  return wanted.skip !== false || hasTlsDriver ? wanted : { ...wanted, skip: 'not installed: rsyslog-gnutls' };
};

export interface Parsed {
  readonly pri: string;
  readonly host: string;
  readonly app: string;
  readonly msgid: string;
  readonly time: string;
  readonly msg: string;
  readonly raw: string;
  /** By SD-ID. */
  readonly sd: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Rsyslog {
  readonly port: number;
  /** What it has written so far; whole lines only. */
  read(): Parsed[];
  /** Resolves when so many have come. */
  until(count: number): Promise<Parsed[]>;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface RsyslogTls {
  /** Paths of PEM files. `clients`: only those with a certificate of this authority. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly clients?: boolean;
}

export async function startRsyslog(
  t: Test,
  options: { readonly tls?: RsyslogTls; readonly port?: number; readonly dir?: string } = {},
): Promise<Rsyslog> {
  const dir = options.dir ?? t.testdir();
  mkdirSync(dir, { recursive: true });
  const out = join(dir, 'parsed.jsonl');
  const told = join(dir, 'port');
  writeFileSync(join(dir, 'rsyslog.conf'), config({ dir, out, told, port: options.port ?? 0, tls: options.tls }));
  const program = findProgram('rsyslogd')!;
  // It ends with this process: the shell kills it when its standard input ends.
  const script = '"$1" -n -f "$2" -i "$3" & p=$!; cat >/dev/null; kill -9 $p 2>/dev/null; wait';
  const args = ['-c', script, 'sh', program, join(dir, 'rsyslog.conf'), join(dir, 'pid')];
  const child = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const exit = once(child, 'exit');
  const kill = async () => {
    child.stdin.end();
    await exit;
  };
  t.teardown(kill);
  if (options.port !== undefined) await untilItListens(options.port, () => said);
  else
    await untilItWorks(async () => {
      if (!existsSync(told) || readFileSync(told, 'utf8') === '') throw new Error(`rsyslogd has no port yet: ${said}`);
    });
  const read = (): Parsed[] => {
    if (!existsSync(out)) return [];
    const text = readFileSync(out, 'utf8');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { sd, ...parsed } = JSON.parse(line) as Omit<Parsed, 'sd'> & { readonly sd: string };
        return { ...parsed, sd: sd === '' ? {} : JSON.parse(sd) };
      });
  };
  return {
    port: options.port ?? Number(readFileSync(told, 'utf8')),
    read,
    async until(count) {
      await untilItWorks(async () => {
        if (read().length < count) throw new Error(`rsyslogd has ${read().length} of ${count} messages: ${said}`);
      });
      return read();
    },
    kill,
  };
}

interface ConfigParts {
  readonly dir: string;
  readonly out: string;
  readonly told: string;
  readonly port: number;
  readonly tls: RsyslogTls | undefined;
}

function config({ dir, out, told, port, tls }: ConfigParts): string {
  const driver =
    tls === undefined
      ? ''
      : ` StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="${tls.clients ? 'x509/certvalid' : 'anon'}"`;
  const files =
    tls === undefined
      ? ''
      : ` DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="${tls.ca}" DefaultNetstreamDriverCertFile="${tls.certificate}" DefaultNetstreamDriverKeyFile="${tls.key}"`;
  return `
global(workDirectory="${dir}" maxMessageSize="64k"${files})
module(load="imtcp" maxSessions="50"${driver})
module(load="mmpstrucdata")
input(type="imtcp" address="127.0.0.1" port="${port}" listenPortFileName="${told}")
template(name="parsed" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="raw" name="rawmsg" format="jsonf")
  property(outname="sd" name="$!rfc5424-sd" format="jsonf")
}
action(type="mmpstrucdata" sd_name.lowercase="off")
action(type="omfile" file="${out}" template="parsed")
`;
}
