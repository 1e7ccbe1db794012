/** What `app check` finds: each gateway of the app's site tries the way to it, step by step, as it would for a request. */
import { type Static, Type } from 'typebox';
import { appId, oneOf, slug, strict, text } from './common.ts';

export const checkStep = strict({
  /** `app`: whether the gateway knows it; `answer`: HTTP, or what a TCP app says first. */
  step: oneOf(['app', 'name', 'connect', 'tls', 'answer', 'redirect']),
  /** `warn`: it works now, and somebody should look at it. */
  result: oneOf(['ok', 'warn', 'fail']),
  told: text(600),
  advice: Type.Optional(text(600)),
});
export type CheckStep = Static<typeof checkStep>;

/** Ends at the first step that fails. */
export const gatewayFinding = strict({
  steps: Type.Array(checkStep, { maxItems: 8 }),
  /** What the name of the upstream stands for there. */
  addresses: Type.Array(text(64), { maxItems: 16 }),
  /** SHA-256 of the SPKI that was seen, trusted or not. */
  pin: Type.Optional(text(64)),
  /** Where `GET /` sends the browser, when that is an absolute URL. */
  redirect: Type.Optional(text(300)),
});
export type GatewayFinding = Static<typeof gatewayFinding>;

export const aroundGateway = strict({
  /** `open`: the controller's host reaches the app itself, so others may as well. */
  result: oneOf(['closed', 'open', 'not-tested']),
  told: text(600),
  advice: Type.Optional(text(600)),
});
export type AroundGateway = Static<typeof aroundGateway>;

export const appChecked = strict({
  app: appId,
  site: slug,
  /** Each gateway has answered and no step failed. */
  ok: Type.Boolean(),
  gateways: Type.Array(
    strict({
      gateway: slug,
      answered: Type.Boolean(),
      steps: gatewayFinding.properties.steps,
      pin: gatewayFinding.properties.pin,
    }),
  ),
  around: aroundGateway,
  notTested: Type.Array(text(600)),
});
export type AppChecked = Static<typeof appChecked>;
