/**
 * Who asks the HTTP proxy or SOCKS: this operating-system user, or a client of `postern client add` with its apps (P30). The
 * credential opens nothing else: no portal, no `<app>.localhost`, no PAC file, no control socket.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { PosternError } from '#shared/base/errors.ts';
import { plainAddress } from '#shared/base/plain-address.ts';
import type { StoredClient } from '../clients/client-book.ts';
import type { ClientDesk } from '../clients/client-desk.ts';
import { type AppDirectory, limitApps } from './app-directory.ts';
import { createSites, type Sites } from './sites.ts';

export interface ProxyUser {
  /** All that this one can reach; an app outside and one that does not exist are one answer (P12). */
  readonly apps: AppDirectory;
  readonly sites: Sites;
  /** Undefined: this operating-system user. */
  readonly client?: StoredClient;
}

export interface ProxyLogin {
  readonly own: ProxyUser;
  /** False while no client could prove itself. */
  any(): boolean;
  /**
   * Of a connection that is proven to be this user's. A client's password that is shown counts all the same: what a person
   * tries in a shell of their own is then what the program will meet.
   */
  ofOwn(req: IncomingMessage): ProxyUser;
  /** Of any other connection. Throws `proxy-login-required`, `sign-in-throttled`. */
  ofStranger(req: IncomingMessage): ProxyUser;
  ofPassword(socket: Socket, name: string, password: string): ProxyUser;
  /** For what was proven earlier: throws `proxy-login-required` when the client has gone or expired since. */
  check(user: ProxyUser): void;
}

export interface ProxyLoginParts {
  readonly apps: AppDirectory;
  readonly sites: Sites;
  readonly clients: ClientDesk;
  readonly port: number;
}

export function createProxyLogin({ apps, sites, clients, port }: ProxyLoginParts): ProxyLogin {
  const users = new WeakMap<StoredClient, ProxyUser>();

  function userOf(client: StoredClient): ProxyUser {
    let user = users.get(client);
    if (user === undefined) {
      const own = limitApps(apps, client.apps);
      user = { apps: own, sites: createSites(own, port), client };
      users.set(client, user);
    }
    return user;
  }

  function ofPassword(socket: Socket, name: string, password: string): ProxyUser {
    const source = plainAddress(socket.remoteAddress ?? '');
    return userOf(clients.prove({ name, password, source, connection: socket }));
  }

  const own: ProxyUser = { apps, sites };
  return {
    own,
    any: () => clients.any(),
    ofPassword,
    ofOwn(req) {
      const given = readBasic(req.headers['proxy-authorization']);
      return given === undefined ? own : ofPassword(req.socket, given.name, given.password);
    },
    ofStranger(req) {
      const given = readBasic(req.headers['proxy-authorization']);
      if (given === undefined) throw new PosternError('proxy-login-required');
      return ofPassword(req.socket, given.name, given.password);
    },
    check({ client }) {
      if (client !== undefined && !clients.isGood(client)) throw new PosternError('proxy-login-required');
    },
  };
}

const maxField = 1024;

/** RFC 7617 section 2. Undefined for another scheme and for what cannot be read. */
export function readBasic(field: string | undefined): { readonly name: string; readonly password: string } | undefined {
  if (field === undefined || field.length > maxField) return undefined;
  const token = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(field)?.[1];
  if (token === undefined) return undefined;
  const text = Buffer.from(token, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
