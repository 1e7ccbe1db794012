/**
 * The programs that prove themselves with a proxy user and password (P30), as `clients.json` in the profile keeps them: name,
 * apps, and a hash of the password.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Check } from 'typebox/value';
import { equalSecret, fromBase64url, randomSecret } from '#shared/base/bytes.ts';
import { PosternError } from '#shared/base/errors.ts';
import { appId, slug, strict, time } from '#shared/contracts/common.ts';
import type { ProfileDirectory } from '../keystore/profile-directory.ts';

/** 256 bits as base64url. */
const hashText = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });

const storedClient = strict({
  name: slug,
  apps: Type.Array(appId, { minItems: 1, maxItems: 64 }),
  key: hashText,
  hash: hashText,
  createdAt: time,
  expiresAt: Type.Optional(time),
});
export type StoredClient = Static<typeof storedClient>;

const clientsFile = strict({ v: Type.Literal(1), clients: Type.Array(storedClient, { maxItems: 64 }) });
const fileName = 'clients.json';
const maxClients = 64;

export interface NewClient {
  readonly name: string;
  readonly apps: readonly string[];
  readonly now: number;
  /** By this device's clock; no end unless told. */
  readonly expiresAt?: number | undefined;
}

/** The one writer of the file; whoever makes one holds the lock of the profile. */
export class ClientBook {
  readonly #directory: ProfileDirectory;
  #clients: readonly StoredClient[];

  /** Throws `invalid-config` for a file that is damaged or open to others. */
  constructor(directory: ProfileDirectory) {
    this.#directory = directory;
    this.#clients = readClients(directory);
  }

  list(): readonly StoredClient[] {
    return this.#clients;
  }

  find(name: string): StoredClient | undefined {
    return this.#clients.find((client) => client.name === name);
  }

  /** The password is told here and nowhere else. Throws `conflict` for a name in use, `bad-request` for what cannot be kept. */
  add({ name, apps, now, expiresAt }: NewClient): { readonly client: StoredClient; readonly password: string } {
    if (this.find(name) !== undefined) {
      const tell = `There is a client ${name} already. Another password: postern client remove ${name}, then add it again`;
      throw new PosternError('conflict', tell, { tell });
    }
    if (this.#clients.length >= maxClients) {
      const tell = `There are ${maxClients} clients already: remove one first.`;
      throw new PosternError('conflict', tell, { tell });
    }
    const password = randomSecret();
    const key = randomBytes(32);
    const client: StoredClient = {
      name,
      apps: [...new Set(apps)].sort(),
      key: key.toString('base64url'),
      hash: hashOf(key, name, password).toString('base64url'),
      createdAt: now,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    if (!Check(storedClient, client)) {
      const tell =
        'A client has a name of lower-case letters, digits, dots and dashes, and one to 64 apps by their ids.';
      throw new PosternError('bad-request', tell, { tell });
    }
    this.#write([...this.#clients, client]);
    return { client, password };
  }

  /** Throws `not-found`. */
  remove(name: string): StoredClient {
    const client = this.find(name);
    if (client === undefined) {
      const tell = `There is no client ${name}. See: postern client list`;
      throw new PosternError('not-found', tell, { tell });
    }
    this.#write(this.#clients.filter((one) => one !== client));
    return client;
  }

  /** The client whom name and password prove, alive at `now`. Undefined tells nothing of why. */
  prove(name: string, password: string, now: number): StoredClient | undefined {
    const client = this.find(name);
    // A name that is not there costs the same, so that time does not tell names (P12).
    const { key, hash } = client ?? nobody;
    const proven = equalSecret(hashOf(fromBase64url(key)!, name, password), fromBase64url(hash)!);
    return proven && client !== undefined && isAlive(client, now) ? client : undefined;
  }

  #write(clients: readonly StoredClient[]): void {
    this.#directory.write(fileName, `${JSON.stringify({ v: 1, clients }, null, 1)}\n`);
    this.#clients = clients;
  }
}

export function isAlive({ expiresAt }: StoredClient, now: number): boolean {
  return expiresAt === undefined || now < expiresAt;
}

/**
 * A fast keyed hash, on purpose. The password is 256 random bits that this program made, so nobody finds it by trying, with or
 * without the file; a slow hash would guard nothing and would let everybody who can connect burn this processor: it is checked
 * for each request of a proxy. The key of its own makes a hash worth nothing under another name or in another profile.
 */
function hashOf(key: Uint8Array, name: string, password: string): Buffer {
  return createHmac('sha256', key).update(`${name}\0${password}`).digest();
}

const nobody = { key: randomSecret(), hash: randomSecret() };

function readClients(directory: ProfileDirectory): readonly StoredClient[] {
  const text = directory.read(fileName);
  if (text === undefined) return [];
  const value = parse(text);
  if (Check(clientsFile, value)) return value.clients;
  throw new PosternError(
    'invalid-config',
    `${directory.file(fileName)} is damaged or of another version: remove it and add the clients again`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
