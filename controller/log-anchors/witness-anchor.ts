/**
 * A witness (C2SP tlog-witness): it signs a checkpoint once it has seen that the tree goes on from the one it signed last, and keeps only that.
 * What it signed last is asked for with the size that we remember; it says so when it is another.
 */
import { asPosternError } from '#shared/base/errors.ts';
import type { NoteKey } from '#shared/log/note-key.ts';
import { formatWitnessRequest, readCosignature } from '#shared/log/witness-request.ts';
import { type HttpAnswer, type HttpPost, notNow, said } from '../log-streams/http-post.ts';
import { type TargetSecrets, Trouble } from '../log-streams/target.ts';
import type { Anchor, AnchorSettings, Published } from './anchor.ts';
import { noteType } from './sent-anchors.ts';

export interface WitnessParts {
  readonly http: HttpPost;
  readonly settings: AnchorSettings;
  readonly secrets: TargetSecrets;
  readonly key: NoteKey;
  /** What it signed last, as far as we know. */
  readonly signed: () => { readonly origin: string; readonly size: number };
  readonly logKeys: () => Promise<readonly NoteKey[]>;
  readonly prove: (from: number, to: number) => Promise<readonly Uint8Array[]>;
}

/** It has signed more leaves than the checkpoint has: the log was cut, or this database is of another time. */
export class WitnessAhead extends Trouble {
  readonly size: number;

  constructor(size: number, own: number) {
    super(`it has signed a checkpoint of ${size} leaves, and the newest of this log has ${own}`);
    this.size = size;
  }
}

/** The tree does not go on from what it signed. */
export class WitnessRefuses extends Trouble {}

export function witnessAnchor({ http, settings, secrets, key, signed, logKeys, prove }: WitnessParts): Anchor {
  const { authorization } = secrets;
  const headers = { 'content-type': noteType, ...(authorization === undefined ? {} : { authorization }) };
  const url = new URL(`${settings.url!.replace(/\/+$/, '')}/add-checkpoint`);
  const ask = async (old: number, { checkpoint, size }: Published, signal: AbortSignal): Promise<HttpAnswer> => {
    const proof = old === 0 ? [] : await prove(old, size);
    return http.post(url, headers, formatWitnessRequest({ old, proof, checkpoint }), signal);
  };
  return {
    async put(published, signal) {
      const { size, origin, checkpoint } = published;
      const last = signed();
      let answer = await ask(last.origin === origin ? Math.min(last.size, size) : 0, published, signal);
      const other = sizeIn(answer);
      if (other !== undefined) {
        if (other > size) throw new WitnessAhead(other, size);
        answer = await ask(other, published, signal);
      }
      const { status } = answer;
      if (status === 404)
        throw new Trouble(`it does not know this log: give it the key of ${origin} (posternctl log key)`);
      if (status === 403) throw new Trouble('it has another key of this log: give it the one of posternctl log key');
      if (status === 422 || status === 409)
        throw new WitnessRefuses(`it does not find that the log goes on: ${said(answer)}`);
      if (status !== 200) throw notNow(answer);
      try {
        return readCosignature(answer.body, checkpoint, key, await logKeys());
      } catch (error) {
        throw new Trouble(asPosternError(error).message, { cause: error });
      }
    },
    close: () => http.close(),
  };
}

/** Of a conflict: what it signed last (`text/x.tlog.size`). */
function sizeIn({ status, body }: HttpAnswer): number | undefined {
  const [, size] = (status === 409 && /^(0|[1-9]\d{0,14})\n$/.exec(body)) || [];
  return size === undefined ? undefined : Number(size);
}
