/** How a place outside is reached to which the log goes, or its checkpoints: the same for streams and anchors. */
import { Type } from 'typebox';
import { address, hostName, pem, text } from './common.ts';

export const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const targetPlace = {
  address: Type.Optional(address),
  url: Type.Optional(text(1000)),
  plain: Type.Optional(Type.Boolean()),
  ca: Type.Optional(Type.String({ maxLength: 65_536 })),
  certificate: Type.Optional(pem),
  serverName: Type.Optional(hostName),
};

/** What stands in a header: printable ASCII. */
const secret = (maxLength: number) =>
  Type.Optional(Type.String({ minLength: 1, maxLength, pattern: '^[\\x20-\\x7e]+$' }));

export const targetSecrets = {
  token: secret(1000),
  authorization: secret(4000),
  key: Type.Optional(pem),
};
