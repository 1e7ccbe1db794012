/** Legs that lie before the controller: this device's network, a portal that answers for everyone, names. */
import type { AddressSeen, Evidence, NameSeen } from './evidence.ts';
import { isReached } from './evidence.ts';
import type { Finding } from './legs.ts';
import { hostOf, isStranger, listed } from './seen-words.ts';

export function judgeNetwork({ addresses, around }: Evidence): Finding[] {
  const at = { leg: 'network', name: 'network' } as const;
  const routes = addresses.map(({ route }) => route);
  const from = routes.find((route) => route !== undefined && 'from' in route);
  if (from !== undefined && 'from' in from) return [{ ...at, ok: true, detail: `a way leads out from ${from.from}` }];
  if (addresses.some(isReached)) return [{ ...at, ok: true, detail: 'the controller answers' }];
  const fix = 'Connect this device to a network.';
  if (around.interfaces.length === 0) {
    const detail = 'no interface of this device has an address';
    return [{ ...at, ok: false, detail, says: `There is no network: ${detail}.`, fix }];
  }
  if (routes.length > 0 && routes.every((route) => route !== undefined)) {
    const codes = routes.flatMap((route) => ('failed' in route ? [route.failed] : []));
    const detail = `no way leads to ${listed(addresses.map(({ address }) => address))} (${listed(codes)})`;
    return [{ ...at, ok: false, detail, says: `There is no network: ${detail}.`, fix }];
  }
  return [{ ...at, ok: undefined, detail: `this device is ${listed(around.interfaces)}` }];
}

export function judgePortal(evidence: Evidence): Finding[] {
  const at = { leg: 'captive-portal', name: 'captive portal' } as const;
  const { addresses, around } = evidence;
  if (addresses.some(isReached)) return [{ ...at, ok: true, detail: 'none in the way: the controller answers' }];
  const redirect = addresses.find(
    ({ address, http }) => http?.leadsTo !== undefined && http.leadsTo !== hostOf(address),
  );
  const signs = [
    ...(around.toldPortal === undefined ? [] : [`the network names its portal: ${around.toldPortal}`]),
    ...wildSigns(evidence),
    ...addresses.flatMap(({ address, http }) => httpSign(hostOf(address), http)),
  ];
  const strangers = addresses.flatMap(strangerSign);
  if (signs.length === 0) {
    const hidden = addresses.every(({ greeting }) => greeting?.met === 'nothing');
    const detail = hidden ? 'no sign of one; one that drops everything would look like lost packets' : 'no sign of one';
    return [{ ...at, ok: hidden || strangers.length > 0 ? undefined : true, detail }];
  }
  const detail = [...signs, ...strangers].join('; ');
  const isAlone = signs.length === 1 && redirect !== undefined && strangers.length === 0;
  const orElse = isAlone ? ' A host that always leads there, with a controller that is off, would look the same.' : '';
  const told = around.toldPortal?.startsWith('http') ? around.toldPortal : undefined;
  const place = told ?? `http://${redirect?.http?.leadsTo ?? hostOf(addresses[0]?.address ?? '')}/`;
  return [
    {
      ...at,
      ok: false,
      detail,
      says: `A captive portal answers instead of the controller: ${detail}.${orElse}`,
      fix: `Sign in to this network in a browser: ${place}. The agent notices by itself when it lets you out.`,
    },
  ];
}

/** Some providers answer every wrong name: a sign only together with something else that is not as it should be. */
function wildSigns({ addresses, around }: Evidence): string[] {
  const own = new Set(addresses.flatMap(({ name }) => name?.addresses ?? []));
  return around.wild
    .filter(({ address }) => own.has(address) || addresses.some(isStranger))
    .slice(0, 1)
    .map(({ name, address }) => `its DNS answers names that nobody has (${name}: ${address})`);
}

function httpSign(host: string, http: AddressSeen['http']): string[] {
  if (http === undefined) return [];
  if (http.status === 511) return [`http://${host}/ answers 511, "network authentication required"`];
  const { leadsTo } = http;
  return leadsTo === undefined || leadsTo === host ? [] : [`http://${host}/ leads to ${leadsTo}`];
}

function strangerSign(seen: AddressSeen): string[] {
  if (!isStranger(seen)) return [];
  const { address, greeting } = seen;
  return greeting?.met === 'certificate'
    ? [`${address} shows a certificate of ${greeting.certificate.subject}`]
    : [`${address} speaks no TLS`];
}

export function judgeNames({ addresses }: Evidence): Finding[] {
  const isAnyReached = addresses.some(isReached);
  const seen = new Map(addresses.flatMap(({ name }) => (name === undefined ? [] : [[name.host, name]])));
  return [...seen.values()].map((name) => judgeName(name, isAnyReached));
}

function judgeName({ host, addresses, failed, resolvers }: NameSeen, isAnyReached: boolean): Finding {
  const at = { leg: 'name', name: `name ${host}` } as const;
  if (addresses.length > 0) return { ...at, ok: true, detail: listed(addresses) };
  const said = resolvers.map((each) => `${each.server} said: ${each.said}`);
  const none = 'no resolver is set on this device';
  const detail = [failed ?? 'no address', ...(said.length > 0 ? said : [none])].join('; ');
  if (isAnyReached) return { ...at, ok: undefined, detail: `${detail}; another address of the controller works` };
  const isSilent = said.length > 0 && resolvers.every(({ said }) => said === silent);
  return {
    ...at,
    ok: false,
    detail,
    says: `The name ${host} is not resolved: ${detail}.`,
    fix: isSilent
      ? 'The DNS servers of this network do not answer: look at the network, or set others.'
      : 'Look at the network and its DNS; ask your administrator whether the name is right.',
  };
}

/** What is told of a resolver that did not answer. */
export const silent = 'nothing';
