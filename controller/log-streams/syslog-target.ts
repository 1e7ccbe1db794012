/**
 * Syslog over TCP (RFC 6587) and TLS (RFC 5425), with octet counting. Syslog answers nothing: what was written may still be lost with the
 * connection. So a delivery is confirmed by closing it: our end, and then the receiver's, which it closes when it has read everything.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { second } from '#shared/base/clock.ts';
import { splitAddress } from '#shared/base/split-address.ts';
import type { RecordFormat } from '../log/formats/record-format.ts';
import { rfc5424, syslogHeader } from '../log/formats/rfc5424.ts';
import { allowedLookup, requireAllowed } from './allowed-address.ts';
import { type Sender, type TargetSecrets, type TargetSettings, Trouble } from './target.ts';
import { tlsTo } from './target-tls.ts';

const connectMs = 10 * second;
/** For a receiver that takes nothing any more. */
const stallMs = 30 * second;
const confirmMs = 30 * second;
/** A syslog receiver says nothing; one that does is something else. */
const mostHeard = 16 * 1024;

/** Octet counting (RFC 6587 section 3.4.1). Other forms than RFC 5424 are its message, without structured data. */
export function syslogFrame(format: RecordFormat, record: Parameters<RecordFormat['one']>[0]): Buffer {
  const message = format === rfc5424 ? format.one(record) : `${syslogHeader(record)} - \ufeff${format.one(record)}`;
  const bytes = Buffer.from(message);
  return Buffer.concat([Buffer.from(`${bytes.length} `), bytes]);
}

export class SyslogSender implements Sender {
  readonly #dial: (signal: AbortSignal) => Promise<Socket>;
  readonly #format: RecordFormat;
  #socket: Socket | undefined;
  #lost: Trouble | undefined;

  constructor(settings: TargetSettings, secrets: TargetSecrets, format: RecordFormat) {
    this.#dial = (signal) => dial(settings, secrets, signal);
    this.#format = format;
  }

  async send(records: Parameters<Sender['send']>[0], signal: AbortSignal) {
    const socket = this.#socket ?? (await this.#open(signal));
    for (const record of records) {
      if (socket.write(syslogFrame(this.#format, record))) continue;
      await this.#settle(socket, 'drain', stallMs, 'it takes nothing any more');
    }
    if (this.#lost !== undefined) throw this.#fail(this.#lost);
    return { settled: records.length };
  }

  async confirm(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (this.#lost !== undefined) throw this.#fail(this.#lost);
    socket.end();
    await this.#settle(
      socket,
      'close',
      confirmMs,
      'it does not close a connection that we closed, so nothing says what arrived',
    );
    this.#socket = undefined;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #open(signal: AbortSignal): Promise<Socket> {
    this.#lost = undefined;
    const socket = await this.#dial(signal);
    let heard = 0;
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.length;
      if (heard > mostHeard) socket.destroy(new Trouble('it answers, as no syslog receiver does'));
    });
    socket.on('error', (error) => {
      this.#lost ??= error instanceof Trouble ? error : new Trouble(`the connection broke: ${error.message}`);
    });
    socket.on('end', () => {
      if (!socket.writableEnded) this.#lost ??= new Trouble('it closed the connection');
    });
    socket.on('close', () => {
      if (!socket.writableEnded) this.#lost ??= new Trouble('the connection broke');
    });
    this.#socket = socket;
    return socket;
  }

  /** Until the event, or what ends the wait for it. */
  #settle(socket: Socket, event: 'drain' | 'close', ms: number, late: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => socket.destroy(new Trouble(late)), ms);
    socket.once(event, resolve);
    socket.once('close', resolve);
    if (socket.closed) resolve();
    return promise.then(() => {
      clearTimeout(timer);
      socket.off(event, resolve);
      socket.off('close', resolve);
      if (this.#lost !== undefined) throw this.#fail(this.#lost);
    });
  }

  #fail(trouble: Trouble): Trouble {
    this.close();
    return trouble;
  }
}

function dial(settings: TargetSettings, secrets: TargetSecrets, signal: AbortSignal): Promise<Socket> {
  const { host, port } = splitAddress(settings.address!)!;
  requireAllowed(host);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const place = { host, port, lookup: allowedLookup };
  const name = settings.serverName ?? (isIP(host) === 0 ? host : undefined);
  // Half open: after our end the receiver's must be waited for.
  const socket =
    settings.plain === true
      ? connectTcp({ ...place, allowHalfOpen: true })
      : connectTls({ ...place, ...tlsTo(settings, secrets), ...(name === undefined ? {} : { servername: name }) });
  const timer = setTimeout(() => socket.destroy(new Error(`no connection in ${connectMs / second} s`)), connectMs);
  const abort = () => socket.destroy(new Error('stopped'));
  signal.addEventListener('abort', abort, { once: true });
  const failed = (error: Error) => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    reject(error instanceof Trouble ? error : new Trouble(`no connection: ${error.message}`, { cause: error }));
  };
  socket.once('error', failed);
  socket.once(settings.plain === true ? 'connect' : 'secureConnect', () => {
    clearTimeout(timer);
    socket.off('error', failed);
    socket.setNoDelay(false);
    socket.once('close', () => signal.removeEventListener('abort', abort));
    resolve(socket);
  });
  return promise;
}
