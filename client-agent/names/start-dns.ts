/** The private DNS server of the agent: on loopback, for the zones of the configuration, UDP and TCP. */
import { isIPv4 } from 'node:net';
import type { Clock } from '#shared/base/clock.ts';
import { PosternError } from '#shared/base/errors.ts';
import type { Stoppable } from '#shared/base/lifecycle.ts';
import type { Log } from '#shared/base/log.ts';
import type { AppListed } from '#shared/contracts/agent-to-controller.ts';
import type { Endpoint } from '../from-apps/proc-net-rows.ts';
import { type AnswerRules, answerFailed, answerQuery, refuseUnread, type Transport } from './answer-query.ts';
import { createForwarder } from './forward-query.ts';
import { makeNameTable, type NameTable } from './name-table.ts';
import { QueryBudget } from './query-budget.ts';
import { serveDnsTcp } from './serve-dns-tcp.ts';
import { serveDnsUdp } from './serve-dns-udp.ts';
import type { WhoAsks } from './who-asks.ts';

export interface DnsParts {
  readonly config: {
    readonly zones: readonly string[];
    readonly address: string;
    /** 0 takes any port that is free for both. */
    readonly port: number;
    /** `host:port` of servers for what is outside the zones; none: it is refused. */
    readonly forwardTo: readonly string[];
  };
  /** The list in force: another list is another array. */
  readonly apps: () => readonly AppListed[];
  /** IPv4 address of a host name of an app; asked once for each list. */
  readonly addressOf: (host: string) => string | undefined;
  readonly whoAsks: WhoAsks;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Dns extends Stoppable {
  readonly port: number;
  /** After addresses have changed while the list of apps has not. */
  renew(): void;
}

const freePortAttempts = 8;

/** Throws `conflict` for a taken port, `invalid-config` where it may not listen. */
export async function startDns(parts: DnsParts): Promise<Dns> {
  const { config, whoAsks, log } = parts;
  requireLoopback(config.address);
  const budget = new QueryBudget(parts.clock);
  const forwards = config.forwardTo.length > 0;
  const forward = createForwarder(config.forwardTo);
  let seen: readonly AppListed[] | undefined;
  let table: NameTable | undefined;
  const names: NameTable = {
    find(name) {
      const apps = parts.apps();
      if (table === undefined || apps !== seen) {
        seen = apps;
        table = makeNameTable(config.zones, apps, parts.addressOf);
      }
      return table.find(name);
    },
  };

  async function onQuery(transport: Transport, bytes: Buffer, from: Endpoint, to: Endpoint) {
    const asker = await whoAsks(transport, from, to);
    if (!budget.take(asker.may ? `uid ${asker.uid}` : 'others')) return undefined;
    if (!asker.may) {
      log.debug({ port: from.port, transport }, 'refused a query of another user');
      return refuseUnread(bytes);
    }
    const rules: AnswerRules = { names, transport, forwards };
    const reply = answerQuery(bytes, rules);
    if (reply.kind === 'silence') return undefined;
    if (reply.kind === 'answer') return reply.bytes;
    return (await forward(bytes, reply.query.question, transport)) ?? answerFailed(bytes, rules);
  }
  const take = (transport: Transport) => (bytes: Buffer, from: Endpoint, to: Endpoint) =>
    onQuery(transport, bytes, from, to).catch((error: unknown) => {
      log.error({ err: error, transport }, 'a query failed');
      return undefined;
    });

  for (let attempt = 1; ; attempt += 1) {
    const tcp = await serveDnsTcp(config, take('tcp'));
    const place = { address: config.address, port: tcp.port };
    try {
      const udp = await serveDnsUdp(place, take('udp'));
      return {
        port: tcp.port,
        renew() {
          seen = undefined;
        },
        async stop() {
          await Promise.all([tcp.stop(), udp.stop()]);
        },
      };
    } catch (error) {
      await tcp.stop();
      const isTaken = error instanceof PosternError && error.code === 'conflict';
      if (config.port === 0 && isTaken && attempt < freePortAttempts) continue;
      throw error;
    }
  }
}

/** Answers tell which apps this person has: never to another machine. */
function requireLoopback(address: string): void {
  if (isIPv4(address) && address.startsWith('127.')) return;
  throw new PosternError('invalid-config', `local.dns.address: ${JSON.stringify(address)} is not a loopback address`);
}
