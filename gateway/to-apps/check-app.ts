/**
 * The way to an app, tried step by step as a request would go it: name, TCP, TLS, answer. Nothing of a person goes along, and
 * nothing but `GET /` is asked.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { App, HttpApp } from '#shared/contracts/app.ts';
import type { CheckStep, GatewayFinding } from '#shared/contracts/app-check.ts';
import type { AppCredentials } from '../keystore/app-credentials.ts';
import { askApp } from './check-answer.ts';
import { checkMs, connectTcp, type Found, greeting } from './check-connect.ts';
import { tryTls } from './check-tls.ts';

type Step = CheckStep['step'];

/** Never throws for what an app does; ends at the first step that fails. */
export async function checkApp(app: App, credential: AppCredentials): Promise<GatewayFinding> {
  const url = new URL(app.kind === 'http' ? app.upstream : `tcp://${app.upstream}`);
  const host = url.hostname.replaceAll(/[[\]]/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const steps: CheckStep[] = [];
  const note = (step: Step, { result, told, advice }: Found): boolean => {
    const words = { told: told.slice(0, 600), ...(advice === undefined ? {} : { advice: advice.slice(0, 600) }) };
    steps.push({ step, result, ...words });
    return result !== 'fail';
  };
  const { addresses, ...name } = await resolveName(host);
  if (!note('name', name)) return { steps, addresses };
  const place = { host, port };
  if (!note('connect', await connectTcp(place))) return { steps, addresses };
  if (app.kind === 'tcp') {
    note('answer', await greeting(place));
    return { steps, addresses };
  }
  return { ...(await checkHttp(app, place, credential, note)), steps, addresses };
}

async function checkHttp(
  app: HttpApp,
  place: { readonly host: string; readonly port: number },
  credential: AppCredentials,
  note: (step: Step, found: Found) => boolean,
): Promise<Pick<GatewayFinding, 'pin' | 'redirect'>> {
  const isTls = app.upstream.startsWith('https:');
  const tls = isTls ? await tryTls(app, place, credential) : undefined;
  const pin = tls?.pin === undefined ? {} : { pin: tls.pin };
  if (tls !== undefined && !note('tls', tls.found)) return pin;
  const { found, redirect } = await askApp(app, place, credential);
  note('answer', found);
  return { ...pin, ...(redirect === undefined ? {} : { redirect }) };
}

async function resolveName(host: string): Promise<Found & { addresses: string[] }> {
  if (isIP(host) !== 0) return { result: 'ok', told: `${host} is an address`, addresses: [host] };
  try {
    const timeout = AbortSignal.timeout(checkMs);
    const late = new Promise<never>((_, reject) => timeout.addEventListener('abort', () => reject(timeout.reason)));
    const found = await Promise.race([lookup(host, { all: true }), late]);
    const addresses = [...new Set(found.map(({ address }) => address))].slice(0, 16);
    return { result: 'ok', told: `${host} is ${addresses.join(', ')}`, addresses };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const told = code === 'ENOTFOUND' ? `there is no ${host}` : `${host} cannot be resolved (${code ?? 'no answer'})`;
    return {
      result: 'fail',
      addresses: [],
      told,
      advice: "the gateway's host must know this name: its DNS or /etc/hosts, or give an address",
    };
  }
}
