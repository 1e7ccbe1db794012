/**
 * The cookie that a browser needs besides its user (P30): a web page can make this user's browser ask anything of a local
 * port, and ownership of the connection says nothing about the page.
 *
 * A cookie is bound to one host name. Its name holds the port, because cookies ignore ports and several profiles share the
 * names. Whatever else listens on such a name can read it, and has no use for it without being this user.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { equalSecret, randomSecret } from '#shared/base/bytes.ts';
import { type Clock, hour, second } from '#shared/base/clock.ts';

const prefix = 'postern-local';
const life = 12 * hour;
const valuePattern = /^([0-9a-z]{1,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export class BrowserCookies {
  readonly #clock: Clock;
  readonly #name: string;
  /** Of this process: after a restart each browser is let in anew. */
  readonly #key = randomBytes(32);

  constructor(clock: Clock, port: number) {
    this.#clock = clock;
    this.#name = `${prefix}-${port}`;
  }

  /** `Set-Cookie` for `host` (a `cookieHost` of a site). `Strict` on the portal; apps must stay reachable by links from elsewhere. */
  issue(host: string, sameSite: 'Strict' | 'Lax'): string {
    const end = Math.floor((this.#clock.now() + life) / second).toString(36);
    const text = `${end}.${randomSecret(16)}`;
    const value = `${text}.${this.#mac(host, text)}`;
    const secure = host.startsWith('https:') ? ' Secure;' : '';
    return `${this.#nameAt(host)}=${value}; Path=/;${secure} Max-Age=${life / second}; HttpOnly; SameSite=${sameSite}`;
  }

  /** Whether a `Cookie` header holds a cookie that was issued for this host. */
  isGood(host: string, header: string | undefined): boolean {
    return readCookies(header ?? '').some(
      ({ name, value }) => name === this.#nameAt(host) && this.#isGoodValue(host, value),
    );
  }

  /** Over TLS by a name that no page of another host, and none without TLS, can set a cookie under (RFC 6265bis section 4.1.3). */
  #nameAt(host: string): string {
    return host.startsWith('https:') ? `__Host-${this.#name}` : this.#name;
  }

  #isGoodValue(host: string, value: string): boolean {
    const match = valuePattern.exec(value);
    if (match === null) return false;
    const [, end, random, mac] = match as unknown as [string, string, string, string];
    if (!equalSecret(mac, this.#mac(host, `${end}.${random}`))) return false;
    return Number.parseInt(end, 36) * second > this.#clock.now();
  }

  #mac(host: string, text: string): string {
    return createHmac('sha256', this.#key).update(`${host}\n${text}`).digest('base64url');
  }
}

/**
 * Ours, of this agent or another: no app ever sees or sets one. A cookie without a name is sent as its bare value, which can
 * read as one of ours.
 */
export function isLocalCookie({ name, value }: CookiePair): boolean {
  const named = name === '' ? value.trimStart() : name;
  return named.startsWith(prefix) || named.toLowerCase().startsWith(`__host-${prefix}`);
}

export interface CookiePair {
  readonly name: string;
  readonly value: string;
}

/** RFC 6265 section 5.4 in reverse, without judging the values. */
export function readCookies(header: string): CookiePair[] {
  const pairs: CookiePair[] = [];
  for (const part of header.split(';')) {
    const text = part.trim();
    if (text === '') continue;
    const at = text.indexOf('=');
    // A cookie without a name is sent as its bare value.
    pairs.push(at < 0 ? { name: '', value: text } : { name: text.slice(0, at).trim(), value: text.slice(at + 1) });
  }
  return pairs;
}
