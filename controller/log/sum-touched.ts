/** Adds records up to what somebody touched. Pure: records go in, newest first, as the log is read. */
import type { Touched } from '#shared/contracts/admin-touched.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';

type App = Touched['apps'][number];
interface Span {
  first: number;
  last: number;
}
type Tally<T> = { -readonly [K in keyof T]: T[K] };
type AppTally = Omit<Tally<App>, 'requests' | 'more' | 'gateways'> & {
  readonly gateways: Set<string>;
  readonly requests: Map<string, { request: string; count: number; denied: number }>;
  more: boolean;
};

export type Sums = Pick<Touched, 'apps' | 'addresses' | 'denied' | 'signIns' | 'changes'> & {
  readonly records: number;
  /** By device: how many records, and the newest. */
  readonly devices: ReadonlyMap<string, { readonly records: number; readonly last: number }>;
};

/** What a report lists of each at most; counts go on. */
const most = { requests: 50, requestKinds: 10_000, addresses: 1000, signIns: 500, changes: 500 } as const;

export class TouchedSum {
  readonly #apps = new Map<string, AppTally>();
  readonly #addresses = new Map<string, Tally<Touched['addresses'][number]>>();
  readonly #denied = new Map<string, Tally<Touched['denied'][number]>>();
  readonly #devices = new Map<string, { records: number; last: number }>();
  readonly #signIns: Touched['signIns'] = [];
  readonly #changes: Touched['changes'] = [];
  /** Openings whose end was read already. */
  readonly #ended = new Set<string>();
  /** Newest word on what still runs: its bytes so far. */
  readonly #progress = new Set<string>();
  readonly #subject: { readonly device: string | undefined };
  #records = 0;

  /** `device`: when given, access and addresses of this one device count; the rest is told of the person. */
  constructor(subject: { readonly device: string | undefined }) {
    this.#subject = subject;
  }

  add(record: AccessRecord): void {
    this.#records += 1;
    const { device, time, kind } = record;
    if (device !== undefined) {
      const seen = this.#devices.get(device) ?? { records: 0, last: time };
      this.#devices.set(device, { records: seen.records + 1, last: Math.max(seen.last, time) });
    }
    const isSubject = this.#subject.device === undefined || device === this.#subject.device;
    if (isSubject) {
      if (record.from !== undefined && record.actor === undefined) this.#address(record.from, time);
      if (record.verdict === 'deny') this.#deny(record);
      if (kind === 'access') this.#access(record);
    }
    if (kind === 'sign-in') this.#signIn(record);
    else if (['factor', 'enrolment', 'device', 'admin', 'revocation', 'policy'].includes(kind)) this.#change(record);
  }

  sums(): Sums {
    const apps = Array.from(this.#apps.values(), ({ gateways, requests, more, ...app }): App => {
      const sorted = [...requests.values()].sort((a, b) => b.count + b.denied - a.count - a.denied);
      return {
        ...app,
        gateways: [...gateways].sort(),
        requests: sorted.slice(0, most.requests),
        more: more || sorted.length > most.requests,
      };
    });
    return {
      records: this.#records,
      apps: apps.sort((a, b) => b.accesses + b.denied - a.accesses - a.denied),
      addresses: [...this.#addresses.values()].sort((a, b) => b.last - a.last),
      denied: [...this.#denied.values()].sort((a, b) => b.count - a.count),
      signIns: this.#signIns,
      changes: this.#changes,
      devices: this.#devices,
    };
  }

  #access(record: AccessRecord): void {
    if (record.app === undefined) return;
    const app = this.#app(record.app, record.time);
    if (record.gateway !== undefined) app.gateways.add(record.gateway);
    const { phase, opening } = record;
    if (phase === 'single') {
      const times = record.count ?? 1;
      if (record.verdict !== 'deny') return;
      app.denied += times;
      this.#request(app, record, 'denied', times);
    } else if (phase === 'opening') {
      app.accesses += 1;
      if (!this.#ended.has(atGateway(record, record.id))) app.running += 1;
      this.#request(app, record, 'count', 1);
    } else if (opening !== undefined) {
      // The newest says the whole sum: an end, or of what still runs its last progress.
      const access = atGateway(record, opening);
      if (this.#ended.has(access) || this.#progress.has(access)) return;
      (phase === 'progress' ? this.#progress : this.#ended).add(access);
      app.bytesUp += record.bytesUp ?? 0;
      app.bytesDown += record.bytesDown ?? 0;
    }
  }

  #app(id: string, time: number): AppTally {
    let app = this.#apps.get(id);
    if (app === undefined) {
      const zero = { accesses: 0, running: 0, denied: 0, bytesUp: 0, bytesDown: 0, first: time, last: time };
      app = { app: id, ...zero, gateways: new Set(), requests: new Map(), more: false };
      this.#apps.set(id, app);
    }
    widen(app, time);
    return app;
  }

  #request(app: AppTally, { request }: AccessRecord, which: 'count' | 'denied', times: number): void {
    if (request === undefined) return;
    const { method, path, operation } = request;
    const name = operation ?? `${method} ${path}`;
    let one = app.requests.get(name);
    if (one === undefined) {
      if (app.requests.size >= most.requestKinds) {
        app.more = true;
        return;
      }
      one = { request: name, count: 0, denied: 0 };
      app.requests.set(name, one);
    }
    one[which] += times;
  }

  #address(address: string, time: number): void {
    const known = this.#addresses.get(address);
    if (known !== undefined) {
      known.records += 1;
      widen(known, time);
    } else if (this.#addresses.size < most.addresses) {
      this.#addresses.set(address, { address, records: 1, first: time, last: time });
    }
  }

  #deny({ reasons, app, time, count = 1 }: AccessRecord): void {
    const reason = reasons[0] ?? 'unknown';
    const key = `${reason} ${app ?? ''}`;
    const known = this.#denied.get(key);
    if (known === undefined) {
      this.#denied.set(key, { reason, ...(app === undefined ? {} : { app }), count, first: time, last: time });
      return;
    }
    known.count += count;
    widen(known, time);
  }

  #signIn({ time, verdict, event, device, from, details, reasons }: AccessRecord): void {
    if (this.#signIns.length >= most.signIns) return;
    const words = [event, details?.['method'], ...(verdict === 'deny' ? reasons : [])];
    this.#signIns.push({ time, verdict, ...placeOf(device, from), what: inWords(words) });
  }

  #change({ time, kind, event, device, from, actor, verdict }: AccessRecord): void {
    if (this.#changes.length >= most.changes) return;
    const words = [verdict === 'deny' && event !== 'refused' ? 'refused' : undefined, event];
    const by = actor === undefined ? {} : { by: actor };
    this.#changes.push({ time, kind, what: inWords(words), ...placeOf(device, from), ...by });
  }
}

/** No gateway ends what began at another. */
const atGateway = ({ gateway = '' }: AccessRecord, opening: string): string => `${gateway} ${opening}`;

function widen(span: Span, time: number): void {
  span.first = Math.min(span.first, time);
  span.last = Math.max(span.last, time);
}

const placeOf = (device: string | undefined, from: string | undefined) => ({
  ...(device === undefined ? {} : { device }),
  ...(from === undefined ? {} : { address: from }),
});

const inWords = (words: readonly unknown[]): string =>
  words
    .filter((word) => typeof word === 'string')
    .join(' ')
    .slice(0, 100);
