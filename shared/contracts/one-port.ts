/**
 * One port for a controller and a gateway of one host: what they say to each other over the claims socket of the shared directory,
 * as lines of JSON. Connections go over a socket of their own (`shared/wire/one-port/proxy-header.ts`).
 */
import { type Static, Type } from 'typebox';
import { oneOf, port, strict, text } from './common.ts';
import { knockBytes } from './knock.ts';

const ports = Type.Array(port, { maxItems: 16 });

/** Counts the claims of one gateway. */
const n = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

/** From the gateway. `have`: all that it listens at from now on, and whether a kernel door keeps the shared port. `knock`: a datagram whose key id is not one of its own, as Base64, and where it came from. */
export const toPortGiver = Type.Union([
  strict({ t: oneOf(['have']), n, tcp: ports, udp: ports, kernelDoor: Type.Boolean() }),
  strict({ t: oneOf(['knock']), bytes: text(4 * Math.ceil(knockBytes / 3)), from: text(64) }),
]);
export type ToPortGiver = Static<typeof toPortGiver>;

/** From the controller. `given`, to the claim of that number: which of those it would have taken itself, and leaves alone as long as this connection lasts. */
export const fromPortGiver = Type.Union([
  strict({ t: oneOf(['given']), n, tcp: ports, udp: ports }),
  strict({ t: oneOf(['refused']), why: text(200) }),
]);
export type FromPortGiver = Static<typeof fromPortGiver>;

/** Longer than any of these. */
export const maxPortLine = 1024;

export const shareSettings = (other: string) =>
  strict({
    dir: Type.Optional(
      Type.String({
        description: `Directory with the sockets by which this process shares listen.prelude, and the ports for knocks that both name, with the ${other} of the same host: the same in both configurations; it is the controller's, and nobody else may write to it`,
      }),
    ),
    kernelDoor: Type.Boolean({
      default: false,
      description:
        'Let the kernel door keep the shared port too, the same in both configurations: nothing of it shows, and nobody comes in without UDP or by an HTTP proxy. Addresses then name that port',
    }),
  });
export type Share = Static<ReturnType<typeof shareSettings>>;
