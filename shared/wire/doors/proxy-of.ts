/** Which HTTP proxy stands between this system and the others: as configured, or as programs are told by the environment. */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { PosternError } from '../../base/errors.ts';

export interface ProxyPlace {
  readonly host: string;
  readonly port: number;
  /** The connection to the proxy itself is TLS. */
  readonly isTls: boolean;
  /** Value of `Proxy-Authorization`. */
  readonly authorization?: string;
  /** `host:port`, without user and password: for people and logs. */
  readonly name: string;
}

export interface ProxySetting {
  /** `system`: by the environment; `none`; or the proxy's URL. */
  readonly setting: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** For one target. Throws `invalid-config` for a URL that names no HTTP proxy. */
export function proxyOf(
  { setting, env }: ProxySetting,
  target: { host: string; port: number },
): ProxyPlace | undefined {
  if (setting === 'none' || isLoopback(target.host)) return undefined;
  if (setting !== 'system') return readProxy(setting);
  // Lower case first, as curl has it.
  const pick = (name: string) => env[name.toLowerCase()] || env[name];
  const url = pick('HTTPS_PROXY') || pick('ALL_PROXY');
  if (!url || isExcepted(pick('NO_PROXY') ?? '', target)) return undefined;
  try {
    return readProxy(url);
  } catch {
    // Somebody else's variable, perhaps of another kind (`socks5://`): it is none for us.
    return undefined;
  }
}

export function readProxy(text: string): ProxyPlace {
  const given = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isTls = url?.protocol === 'https:';
  if (url === undefined || url.hostname === '' || !(isTls || url.protocol === 'http:')) {
    // The text is not quoted: it may hold a password.
    throw new PosternError('invalid-config', 'the proxy must be system, none or http://[user:password@]host:port');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (isTls ? 443 : 80);
  const name = `${url.hostname}:${port}`;
  if (url.username === '' && url.password === '') return { host, port, isTls, name };
  const login = `${unescaped(url.username)}:${unescaped(url.password)}`;
  return { host, port, isTls, name, authorization: `Basic ${Buffer.from(login, 'utf8').toString('base64')}` };
}

/** A `%` that begins no escape stands for itself. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `NO_PROXY`: names (with what is below them), addresses and networks, each with a port if it likes; `*` is all. */
function isExcepted(list: string, { host, port }: { host: string; port: number }): boolean {
  const name = host.toLowerCase();
  return list
    .split(/[\s,]+/)
    .filter((one) => one !== '')
    .some((one) => {
      if (one === '*') return true;
      const [, pattern = one, only] = /^(.*?)(?::([0-9]+))?$/.exec(isIP(one) === 0 ? one : '') ?? [];
      if (only !== undefined && Number(only) !== port) return false;
      const plain = (pattern || one)
        .toLowerCase()
        .replace(/^\*?\./, '')
        .replace(/^\[|\]$/g, '');
      if (isIP(name) !== 0) return plain === name || isIn(plain, name);
      return name === plain || name.endsWith(`.${plain}`);
    });
}

function isIn(network: string, address: string): boolean {
  const [base = '', bits] = network.split('/');
  if (bits === undefined || isIP(base) === 0 || isIP(base) !== isIP(address)) return false;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  try {
    const list = new BlockList();
    list.addSubnet(base, Number(bits), family);
    return list.check(address, family);
  } catch {
    return false;
  }
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    (isIP(host) === 4 && host.startsWith('127.'))
  );
}
