/** An agent without controller and gateway, for the portal and the command line: it signs Emil in with fixed factors. */
import { type Duplex, duplexPair } from 'node:stream';
import { PosternError } from '#shared/base/errors.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import type { SignInMethod } from '#shared/contracts/sign-in.ts';
import type {
  Agent,
  AgentState,
  Hold,
  LocalEvent,
  PostureShown,
  SignInStateShown,
} from '../../client-agent/agent-api.ts';
import type { Trouble } from '../../client-agent/diagnosis/legs.ts';
import { fakeApps, fakeHold, fakePosture, fakeRefusal, fakeState } from './fake-agent-facts.ts';

export interface FakeAgent extends Agent {
  emit(event: LocalEvent): void;
  setHolds(holds: readonly Hold[]): void;
  /** The controller is not reached for this; reached again without. */
  setTrouble(trouble: Trouble | undefined): void;
  /** What was asked of it, in order: `answer totp`, `me.changePassword`. */
  readonly asked: string[];
  /** Bodies of `me` calls by name. */
  readonly inputs: Map<string, unknown>;
  setFirstFactors(): void;
  /** Lets the tunnel to `build` go on, which waits until then. */
  release(): void;
}

export const fakePassword = 'correct horse battery';
export const fakeCode = '123456';
const flow = 'flow_0123456789';
const person = { id: 'emil', name: 'Emil Employee' };

export function makeFakeAgent(options: { readonly signedIn?: boolean } = {}): FakeAgent {
  const listeners = new Set<(event: LocalEvent) => void>();
  const asked: string[] = [];
  const inputs = new Map<string, unknown>();
  let state: AgentState = fakeState(options.signedIn === true);
  const released = Promise.withResolvers<void>();
  let holds: readonly Hold[] = [];
  let posture: PostureShown = fakePosture(1);

  const emit = (event: LocalEvent) => {
    for (const listener of listeners) listener(event);
  };
  const setSession = (signedIn: boolean) => {
    state = { ...fakeState(signedIn), device: { ...state.device, firstFactors: false } };
    emit({ type: 'session', signedIn });
  };
  const step = (purpose: SignInStateShown['purpose'], rest: Partial<SignInStateShown>): SignInStateShown => ({
    flow,
    purpose,
    person,
    step: 'password',
    methods: ['password'],
    expiresInMs: 600_000,
    signedIn: state.session.signedIn,
    ...rest,
  });
  let purpose: SignInStateShown['purpose'] = 'sign-in';
  const done = (rest: Partial<SignInStateShown> = {}) => {
    setSession(true);
    return step(purpose, { step: 'done', methods: [], signedIn: true, ...rest });
  };
  const secondFactor = () => step(purpose, { step: 'second-factor', methods: ['totp', 'recovery-code'] });
  const answers: Record<SignInMethod, (value?: string) => SignInStateShown> = {
    password: (value) => (value === fakePassword ? secondFactor() : refuse()),
    totp: (value) => (value === fakeCode ? done() : refuse()),
    'recovery-code': (value) => (value === 'abcd-efgh' ? done() : refuse()),
    'set-password': () => step(purpose, { step: 'set-totp', methods: ['set-totp'] }),
    'set-totp': () =>
      step(purpose, {
        step: 'confirm-totp',
        methods: ['confirm-totp'],
        totp: {
          secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
          uri: 'otpauth://totp/Example:emil?secret=JBSWY3DPEHPK3PXP',
        },
      }),
    'confirm-totp': (value) => (value === fakeCode ? done({ recoveryCodes: ['aaaa-1111', 'bbbb-2222'] }) : refuse()),
  };
  return {
    profile: 'default',
    asked,
    inputs,
    emit,
    setTrouble(trouble) {
      const { trouble: _, ...controller } = state.controller;
      state = {
        ...state,
        controller: { ...controller, reachable: trouble === undefined, ...(trouble === undefined ? {} : { trouble }) },
      };
      emit({ type: 'state' });
    },
    setHolds(next) {
      holds = next;
      for (const hold of next) emit({ type: 'hold', hold });
    },
    release: () => released.resolve(),
    setFirstFactors() {
      state = { ...state, device: { ...state.device, firstFactors: true } };
    },
    state: () => state,
    apps: () => (state.session.signedIn ? fakeApps : []),
    async refreshApps() {
      asked.push('refreshApps');
      if (!state.session.signedIn) throw new PosternError('session-required');
      return fakeApps;
    },
    signIn: {
      async start(wanted) {
        asked.push(`start ${wanted}`);
        purpose = wanted;
        if (wanted === 'step-up') return secondFactor();
        if (state.device.firstFactors) return step(wanted, { step: 'set-password', methods: ['set-password'] });
        return step(wanted, {});
      },
      async answer(given, method, value) {
        asked.push(`answer ${method}`);
        if (given !== flow) throw new PosternError('sign-in-flow');
        return answers[method](value);
      },
    },
    async signOut() {
      asked.push('signOut');
      setSession(false);
    },
    me: fakeAccount(asked, inputs),
    posture: {
      last: () => posture,
      async reportNow() {
        posture = fakePosture((posture.seq ?? 0) + 1);
        emit({ type: 'posture' });
        return posture;
      },
    },
    why: (app) => [fakeRefusal].filter((one) => app === undefined || one.app === app),
    activity: () => {},
    traffic: {
      run: () => Promise.reject(new PosternError('unavailable')),
      openTunnel: async ({ app }) => {
        asked.push(`openTunnel ${app}`);
        if (app === 'echo') return echoTunnel();
        if (app !== 'build') throw new PosternError('not-allowed', undefined, { tell: 'You may not use this.' });
        const hold: Hold = { ...fakeHold(), app: 'build' };
        emit({ type: 'hold', hold });
        await released.promise;
        return echoTunnel();
      },
    },
    holds: () => holds,
    giveUp(id) {
      asked.push(`giveUp ${id}`);
      holds = holds.filter((hold) => hold.id !== id);
      emit({ type: 'hold-ended', id, how: 'gave-up' });
    },
    doctor: async () => [
      { name: 'controller', ok: true, detail: 'knows this device: active' },
      { name: 'gateway g1', ok: false, detail: 'unreachable', fix: 'Ask your administrator.' },
    ],
    renew: async () => void asked.push('renew'),
    rekey: async () => void asked.push('rekey'),
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: () => {},
  };
}

function echoTunnel(): Duplex {
  const [near, far] = duplexPair();
  far.pipe(far);
  return near;
}

function refuse(): never {
  throw new PosternError('sign-in-refused');
}

function fakeAccount(asked: string[], inputs: Map<string, unknown>): Agent['me'] {
  const now = Date.now();
  const record: AccessRecord = {
    id: 'rec_0123456789',
    time: now - 60_000,
    kind: 'access',
    phase: 'single',
    trace: 'a'.repeat(32),
    verdict: 'deny',
    reasons: ['no-permit'],
    app: 'payroll',
    request: { method: 'POST', host: 'payroll.corp.internal', path: '/reports/q3/export' },
  };
  const session = {
    id: 'ses_0123456789',
    device: 'dev_0123456789',
    startedAt: now - 7_200_000,
    lastActiveAt: now,
    here: true,
  };
  const device = {
    id: 'dev_0123456789',
    name: 'emils-laptop',
    os: 'linux',
    state: 'active',
    enrolledAt: now - 86_400_000,
    here: true,
    fingerprint: 'aa-bb',
  };
  const factors = [
    { id: 'fac_password1', kind: 'password', name: 'Password', createdAt: now - 86_400_000 },
    { id: 'fac_totp00001', kind: 'totp', name: 'Authenticator app', createdAt: now - 86_400_000 },
    { id: 'fac_recovery1', kind: 'recovery-codes', name: 'Recovery codes', createdAt: now - 86_400_000, left: 9 },
  ];
  const answers: Record<string, unknown> = {
    me: { person, session: session.id, amr: ['pwd', 'otp'], expiresInMs: 36_000_000, idleInMs: 3_600_000 },
    factors: { factors },
    addTotp: {
      id: 'fac_totp00002',
      secret: 'JBSWY3DPEHPK3PXP',
      uri: 'otpauth://totp/Example:emil?secret=JBSWY3DPEHPK3PXP',
    },
    recoveryCodes: { codes: ['cccc-3333', 'dddd-4444'] },
    devices: { devices: [device] },
    sessions: { sessions: [session] },
    access: { records: [record] },
    notices: { notices: [{ at: 0, what: 'Your password was reset.', new: true }] },
  };
  const review = { name: '2026-q3', about: 'Quarterly', due: now + 86_400_000, rows: 2, undecided: 1 };
  const held = { policies: ['staff'], groups: ['staff'], conditions: [], devices: 1, digest: 'a'.repeat(64) };
  const decision = { decision: 'keep', reason: 'needed', by: 'emil', at: now };
  const rows = [
    { row: 3, person: 'emma', app: 'payroll', ...held, lastUsed: now - 7_200_000, reviewer: 'emil' },
    { row: 4, person: 'fred', app: 'payroll', ...held, reviewer: 'emil', decision },
  ];
  Object.assign(answers, { reviews: { reviews: [review] }, review: { review, rows }, decideReview: { decided: 1 } });
  return new Proxy({} as Agent['me'], {
    get: (_, name: string) => async (input: unknown) => {
      asked.push(`me.${name}`);
      inputs.set(name, input);
      return answers[name];
    },
  });
}
