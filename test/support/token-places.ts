/** Every place that takes a token: which class is good there, and whether what is shown was taken. */

import { agentBootstrap } from '#shared/contracts/agent-to-controller.ts';
import { gatewayBootstrap } from '#shared/contracts/gateway-to-controller.ts';
import { makeCsr } from '#shared/crypto/csr.ts';
import { generateKeyPair, keyThumbprint } from '#shared/crypto/keys.ts';
import { expiredRenewalText, signText } from '#shared/crypto/signed-text.ts';
import { callContract } from '#shared/wire/call-contract.ts';
import { decodeInvitation } from '#shared/wire/invitation.ts';
import { ask as askLocal, navigation } from '../client-agent/from-apps/local-rig.ts';
import { ask } from './gateway-client.ts';
import type { Signer } from './token-classes.ts';
import type { TokenWorld } from './token-world.ts';

export interface TokenPlace {
  readonly name: string;
  /** The classes that are good here; everything else is refused. */
  readonly takes: readonly string[];
  /** Whose signatures are believed here. */
  readonly signer?: (world: TokenWorld) => Signer;
  /** False, or a rejection, when it was not taken. */
  readonly show: (world: TokenWorld, token: string) => Promise<boolean>;
}

const taken = async (call: Promise<unknown>) => {
  await call;
  return true;
};
const bootstrap = ({ olga }: TokenWorld) => callContract(agentBootstrap, olga.stranger);
const facts = { os: 'linux', hostName: 'laptop' } as const;
const signIn = async ({ call }: TokenWorld['olga']) => ({
  flow: (await call.signIn({ body: { purpose: 'sign-in' } })).flow,
});
const toSecond = async (who: TokenWorld['olga']) => {
  const params = await signIn(who);
  await who.call.password({ params, body: { password: 'violet ladder 47 harbour' } });
  return params;
};
const grantSigner = ({ gateway }: TokenWorld): Signer => ({
  kid: gateway.world.kid,
  privateKey: gateway.world.signer.privateKey,
});

export const tokenPlaces: readonly TokenPlace[] = [
  {
    name: 'the grant header at a gateway',
    takes: ['grant'],
    signer: grantSigner,
    show: async ({ gateway: { world, device, port } }, grant) =>
      (await ask(world, device, port, { grant })).status === 200,
  },
  {
    name: 'the renewal of streams at a gateway',
    takes: ['grant'],
    signer: grantSigner,
    async show({ gateway: { world, device, port } }, grant) {
      const body = JSON.stringify({ grants: [grant] });
      const headers = { 'content-type': 'application/json' };
      const answer = await ask(world, device, port, { method: 'POST', path: '/.postern/grants', headers, body });
      return answer.status === 200 && JSON.parse(answer.body).refused.length === 0;
    },
  },
  {
    name: "an app's verifier of identities",
    takes: ['identity'],
    signer: ({ identity }) => identity,
    show: ({ verify }, token) => taken(verify(token)),
  },
  {
    name: 'the report of posture',
    takes: ['posture'],
    signer: ({ olga }) => ({ kid: keyThumbprint(olga.keys.publicKey), privateKey: olga.keys.privateKey }),
    show: ({ olga }, report) => taken(olga.call.posture({ body: { report } })),
  },
  {
    name: 'the session header at the controller',
    takes: ['session secret'],
    async show({ olga: { place } }, token) {
      const headers = { authorization: `Postern-Session ${token}` };
      const answer = await place.dispatcher.request({ ...place, path: '/v1/me', method: 'GET', headers });
      await answer.body.dump();
      return answer.statusCode === 200;
    },
  },
  {
    name: 'the services listener',
    takes: ['API token'],
    async show({ services }, token) {
      const { dispatcher, url } = services;
      const order = {
        subject: { type: 'Person', id: 'olga' },
        action: { name: 'request' },
        resource: { type: 'App', id: 'wiki' },
      };
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const path = '/access/v1/evaluation';
      const answer = await dispatcher.request({
        origin: url,
        path,
        method: 'POST',
        headers,
        body: JSON.stringify(order),
      });
      await answer.body.dump();
      return answer.statusCode === 200;
    },
  },
  {
    name: 'the header of administrators',
    takes: ['admin token'],
    show: ({ controller }, token) => taken(controller.as({ token }).whoAmI()),
  },
  {
    name: 'the enrolment of a device',
    takes: ['device invitation code'],
    show: (world, code) =>
      taken(bootstrap(world).enrol({ body: { code, csr: makeCsr(generateKeyPair()), facts, version: 1 } })),
  },
  {
    name: 'the joining of a gateway',
    takes: ['gateway invitation code'],
    show: ({ olga }, code) =>
      taken(
        callContract(gatewayBootstrap, olga.stranger).join({
          body: { code, csr: makeCsr(generateKeyPair()), version: 1 },
        }),
      ),
  },
  {
    name: 'the request of a certificate',
    takes: ['certificate request'],
    async show(world, csr) {
      const { invitation } = await world.admin.invite({ body: { person: 'rita' } });
      const { k: code } = decodeInvitation(invitation);
      return taken(bootstrap(world).enrol({ body: { code, csr, facts, version: 1 } }));
    },
  },
  {
    name: 'the renewal of an expired certificate',
    takes: ['renewal nonce'],
    show(world, nonce) {
      const { keys, device: id } = world.olga;
      const csr = makeCsr(keys);
      const signature = signText(keys.privateKey, expiredRenewalText(nonce, csr));
      return taken(bootstrap(world).renewExpired({ body: { role: 'device', id, nonce, csr, signature } }));
    },
  },
  {
    name: 'the step that asks for a password',
    takes: ['password'],
    show: async ({ olga }, password) => taken(olga.call.password({ params: await signIn(olga), body: { password } })),
  },
  {
    name: 'the step that asks for a one-time code',
    takes: ['one-time code'],
    show: async ({ olga }, code) => taken(olga.call.totp({ params: await toSecond(olga), body: { code } })),
  },
  {
    name: 'the step that asks for a recovery code',
    takes: ['recovery code'],
    show: async ({ olga }, code) => taken(olga.call.recoveryCode({ params: await toSecond(olga), body: { code } })),
  },
  {
    name: 'the step that asks for the code of a reset',
    takes: ['factor reset code'],
    show: async ({ rita }, code) => taken(rita.call.recoveryCode({ params: await signIn(rita), body: { code } })),
  },
  {
    name: 'the command that enrols or joins',
    takes: ['invitation text'],
    show: async (_world, text) => decodeInvitation(text).k !== '',
  },
  {
    name: 'the form that lets a browser in',
    takes: ['one-time link of the local side'],
    async show({ local }, token) {
      const headers = { ...navigation, 'content-type': 'application/x-www-form-urlencoded' };
      const body = new URLSearchParams({ token }).toString();
      const host = `postern.localhost:${local.port}`;
      const answer = await askLocal(local.port, {
        host,
        path: '/.postern-local/session',
        method: 'POST',
        headers,
        body,
      });
      return answer.status === 200;
    },
  },
  {
    name: 'the cookie of the portal',
    takes: ['portal cookie'],
    async show({ local }, token) {
      const cookie = `postern-local-${local.port}=${token}`;
      const answer = await askLocal(local.port, {
        host: `postern.localhost:${local.port}`,
        headers: { ...navigation, cookie },
      });
      return answer.status === 200 && answer.body === 'the portal';
    },
  },
  {
    name: 'the login of the local proxy',
    takes: ['password of a local client'],
    async show({ shared: local }, token) {
      const basic = Buffer.from(`ci:${token}`).toString('base64');
      const headers = { 'proxy-authorization': `Basic ${basic}` };
      const order = { host: 'wiki.corp.internal', path: 'http://wiki.corp.internal/', headers };
      return (await askLocal(local.port, order)).status === 200;
    },
  },
];
