/**
 * The one reader of the device's private key, and of what else must stay on the device: certificate,
 * trust bundle, who it is enrolled for, session secret.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Static, type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { PosternError } from '#shared/base/errors.ts';
import { deviceState } from '#shared/contracts/agent-to-controller.ts';
import { address, madeId, pem, shortText, slug, strict, text, time } from '#shared/contracts/common.ts';
import { controllerKnock } from '#shared/contracts/knock.ts';
import { makeCsr } from '#shared/crypto/csr.ts';
import { generateKeyPair, keyThumbprint, privateKeyFromPem, privateKeyToPem } from '#shared/crypto/keys.ts';
import { signText } from '#shared/crypto/signed-text.ts';
import type { OwnCertificate } from '#shared/wire/mutual-tls.ts';
import { ProfileDirectory } from './profile-directory.ts';
import { lockProfile, type ProfileLock } from './profile-lock.ts';

/** Everything but the key. One file, so that key and certificate change in one step: `key` names the key's file. */
const enrolment = strict({
  v: Type.Literal(1),
  key: Type.String({ pattern: '^device-[0-9]{1,9}\\.key$' }),
  device: madeId,
  state: deviceState,
  person: strict({ id: slug, name: shortText }),
  organisation: shortText,
  fingerprint: text(100),
  firstFactors: Type.Boolean(),
  trustDomain: text(255),
  certificate: pem,
  chain: Type.Array(pem),
  bundle: Type.Array(pem),
  controllers: Type.Array(address),
  bootstrap: Type.Array(address),
  /** For the controller's door (P26). */
  knock: Type.Optional(controllerKnock),
});
export type Enrolment = Static<typeof enrolment>;

const storedSession = strict({
  id: madeId,
  secret: text(128),
  /** By this device's clock; the controller has the last word. */
  endsAt: time,
  lastActiveAt: time,
});
export type StoredSession = Static<typeof storedSession>;

const enrolmentFile = 'enrolment.json';
const sessionFile = 'session.json';

/** A key that is on disk and not in use yet. */
export interface NewKey {
  readonly file: string;
  readonly csr: string;
  readonly jkt: string;
}

export class Keystore {
  readonly directory: ProfileDirectory;
  readonly #lock: ProfileLock;
  #enrolment: Enrolment | undefined;
  #key: KeyObject | undefined;
  #jkt = '';

  /** Locks the profile. Throws `conflict` (in use), `invalid-config` (open to others, damaged). */
  constructor(path: string) {
    this.directory = new ProfileDirectory(path);
    this.#lock = lockProfile(this.directory);
    try {
      this.#enrolment = this.#readJson(enrolmentFile, enrolment);
      if (this.#enrolment !== undefined) this.#useKey(this.#enrolment.key);
    } catch (error) {
      this.#lock.release();
      throw error;
    }
  }

  close(): void {
    this.#lock.release();
  }

  isEnrolled(): boolean {
    return this.#enrolment !== undefined;
  }

  /** Throws `invalid-config` on a profile without an enrolment. */
  get enrolment(): Enrolment {
    if (this.#enrolment !== undefined) return this.#enrolment;
    throw new PosternError('invalid-config', `${this.directory.path} is not enrolled: run "postern enrol"`);
  }

  /** RFC 7638 thumbprint of the device key: what grants bind to, and the `kid` of posture reports. */
  get jkt(): string {
    return this.#jkt;
  }

  /** For TLS. */
  own(): OwnCertificate {
    const { certificate, chain } = this.enrolment;
    return { key: this.#privateKey(), certificate, chain };
  }

  reportSigner(): { readonly kid: string; readonly privateKey: KeyObject } {
    return { kid: this.#jkt, privateKey: this.#privateKey() };
  }

  /** For renewal with the same key (P4). */
  csr(): string {
    const privateKey = this.#privateKey();
    return makeCsr({ privateKey, publicKey: createPublicKey(privateKey) });
  }

  /** As `signText`, by the device key. */
  sign(text: string): string {
    return signText(this.#privateKey(), text);
  }

  /** A new key, on disk before anybody hears of it, so that no crash leaves a certificate without its key. */
  makeKey(): NewKey {
    const pair = generateKeyPair();
    const number = this.#enrolment === undefined ? 1 : Number(/\d+/.exec(this.#enrolment.key)![0]) + 1;
    const file = `device-${number}.key`;
    this.directory.write(file, privateKeyToPem(pair.privateKey));
    return { file, csr: makeCsr(pair), jkt: keyThumbprint(pair.publicKey) };
  }

  /** Stores a changed enrolment; the key it names is in use from then on and the one before is removed. */
  save(next: Enrolment): void {
    if (!Check(enrolment, next))
      throw new PosternError('bad-answer', 'the enrolment has another shape than can be kept');
    const before = this.#enrolment?.key;
    this.directory.write(enrolmentFile, `${JSON.stringify(next, null, 1)}\n`);
    this.#enrolment = next;
    if (before === next.key) return;
    this.#useKey(next.key);
    if (before !== undefined) this.directory.remove(before);
  }

  readSession(): StoredSession | undefined {
    return this.#readJson(sessionFile, storedSession);
  }

  writeSession(session: StoredSession | undefined): void {
    if (session === undefined) this.directory.remove(sessionFile);
    else this.directory.write(sessionFile, JSON.stringify(session));
  }

  #privateKey(): KeyObject {
    if (this.#key === undefined) throw new PosternError('invalid-config', `${this.directory.path} is not enrolled`);
    return this.#key;
  }

  #useKey(file: string): void {
    const pem = this.directory.read(file);
    if (pem === undefined) {
      throw new PosternError('invalid-config', `${this.directory.file(file)} is missing: enrol this device again`);
    }
    this.#key = privateKeyFromPem(pem);
    this.#jkt = keyThumbprint(this.#key);
  }

  #readJson<S extends TSchema>(name: string, schema: S): Static<S> | undefined {
    const text = this.directory.read(name);
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // No cause: a JSON error quotes the text, and the session's text is a secret.
      throw new PosternError('invalid-config', `${this.directory.file(name)} is damaged`);
    }
    if (Check(schema, value)) return value as Static<S>;
    throw new PosternError('invalid-config', `${this.directory.file(name)} is damaged or of another version`);
  }
}
