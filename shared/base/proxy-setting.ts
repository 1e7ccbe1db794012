/** The option `proxy` of whoever dials out. */
import { Type } from 'typebox';

export const proxySetting = Type.String({
  pattern: '^(system|none|https?://[^\\s/]+/?)$',
  maxLength: 300,
  default: 'system',
  description:
    'HTTP proxy to try where nothing leads to a server directly: system (HTTPS_PROXY and NO_PROXY), none, or http://[user:password@]host:port',
});
