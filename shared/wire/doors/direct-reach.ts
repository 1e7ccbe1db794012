/** By TCP alone: to what is known not to hide. */
import { connectAddress } from './connect-tcp.ts';
import type { Reach } from './reach.ts';

export const directReach: Reach = {
  async connect({ host, port, signal }, secure) {
    return secure(await connectAddress(host, port, signal), signal);
  },
};
