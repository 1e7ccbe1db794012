/**
 * One class of error and one table of its codes, for every edge and every process.
 *
 * An error has two faces: `message` and `cause` go to the log; a peer gets only what `toProblem` says, which is the
 * table's constant title unless the thrower marked a detail as safe to tell.
 * docs/reference.md lists the same codes (`npm run docs`); `test/catalogue.test.ts` holds the two together.
 */

/** What the peer should do next. Agents act on it by machine: never free text. */
export type Next = 'retry' | 'renew' | 'step-up' | 'fix-device' | 'stop';

interface ErrorFacts {
  /** HTTP status on every edge. */
  readonly status: number;
  readonly next: Next;
  /** The constant sentence a stranger may read. */
  readonly title: string;
}

export const errorTable = {
  // Input
  'bad-request': { status: 400, next: 'stop', title: 'The request is malformed.' },
  'not-found': { status: 404, next: 'stop', title: 'There is nothing here.' },
  conflict: { status: 409, next: 'stop', title: 'This conflicts with what is already there.' },
  'body-too-large': { status: 413, next: 'stop', title: 'The body is larger than is accepted here.' },
  'version-unsupported': { status: 426, next: 'stop', title: 'This version is no longer supported: update it.' },
  'token-malformed': { status: 400, next: 'stop', title: 'The token cannot be read.' },
  'token-type': { status: 400, next: 'stop', title: 'This token is of another kind than is taken here.' },
  'invalid-config': { status: 500, next: 'stop', title: 'The configuration is not valid.' },
  internal: { status: 500, next: 'retry', title: 'Something failed here; the log of the server says what.' },
  unavailable: { status: 503, next: 'retry', title: 'The service is not available just now.' },
  'disk-full': {
    status: 503,
    next: 'retry',
    title: 'The disk of the controller is full: nothing new is given until an administrator has made room.',
  },
  'disk-failed': { status: 503, next: 'retry', title: 'The disk of the controller takes nothing just now.' },
  'bad-answer': { status: 502, next: 'retry', title: 'The peer gave an answer outside its contract.' },
  unreachable: { status: 503, next: 'retry', title: 'The peer could not be reached.' },

  // API clients at the services listener (RFC 6750)
  'token-needed': { status: 401, next: 'stop', title: 'A token is needed here: Authorization: Bearer.' },
  'token-refused': { status: 401, next: 'stop', title: 'This token is not known, or has ended.' },
  'scope-needed': { status: 403, next: 'stop', title: 'This token does not reach here.' },
  'too-many-requests': { status: 429, next: 'retry', title: 'Too many requests in a short time.' },

  // The log and its proofs
  'proof-refused': { status: 400, next: 'stop', title: 'The proof does not hold.' },
  'log-broken': { status: 500, next: 'stop', title: 'The log is not what its tree says: run "posternctl log verify".' },
  'log-held': {
    status: 503,
    next: 'stop',
    title: 'The log signs no checkpoint until it is shown to go on from the newest one known.',
  },

  // Certificates and enrolment (P1 to P5)
  'certificate-missing': { status: 401, next: 'stop', title: 'A certificate is needed here.' },
  'certificate-refused': { status: 401, next: 'renew', title: 'The certificate is not accepted.' },
  'role-refused': { status: 403, next: 'stop', title: 'This certificate has no business here.' },
  'peer-refused': { status: 403, next: 'stop', title: 'The peer is not who it should be.' },
  'code-refused': { status: 403, next: 'stop', title: 'This code is not valid: ask for a new invitation.' },
  'csr-refused': { status: 400, next: 'stop', title: 'The certificate request is not acceptable.' },
  'renewal-refused': {
    status: 403,
    next: 'stop',
    title: 'This certificate can no longer be renewed: ask for an invitation.',
  },
  'device-pending': { status: 403, next: 'step-up', title: 'This device still waits for its approval.' },
  'device-suspended': { status: 403, next: 'stop', title: 'This device is not in service: ask your administrator.' },

  // Sign-in and sessions
  'session-required': { status: 401, next: 'step-up', title: 'Sign in to go on.' },
  'session-idle': { status: 401, next: 'step-up', title: 'The session was idle for too long: confirm one factor.' },
  'sign-in-refused': { status: 401, next: 'step-up', title: 'That was not right. Try again.' },
  'sign-in-throttled': { status: 429, next: 'retry', title: 'Too many attempts. Wait a little.' },
  'sign-in-flow': {
    status: 409,
    next: 'step-up',
    title: 'This sign-in has ended or waits for another step: start again.',
  },
  'factor-weak': { status: 400, next: 'stop', title: 'This password cannot be used.' },
  'role-needed': { status: 403, next: 'stop', title: 'Your role does not allow this.' },
  'reason-needed': { status: 400, next: 'stop', title: 'Say why: a reason is recorded with this action.' },

  // Deciding and granting
  'not-allowed': { status: 403, next: 'stop', title: 'You may not use this.' },
  'step-up-required': { status: 401, next: 'step-up', title: 'Confirm your second factor to go on.' },
  'sign-in-again': { status: 401, next: 'step-up', title: 'Sign in again to go on.' },
  'device-unfit': { status: 403, next: 'fix-device', title: 'This device must be put right first.' },
  'request-needed': { status: 400, next: 'renew', title: 'This app is granted request by request: say which request.' },
  'rules-too-large': {
    status: 403,
    next: 'stop',
    title: 'The policies for this app do not fit into a grant: ask your administrator.',
  },
  'over-budget': { status: 429, next: 'retry', title: 'Too many grants in a short time.' },
  'policy-invalid': { status: 400, next: 'stop', title: 'The policy is not valid.' },
  'policy-tests-failed': { status: 400, next: 'stop', title: 'Tests of the policy fail: nothing was published.' },
  'policy-locks-out': {
    status: 409,
    next: 'stop',
    title: 'Nobody who administers could use anything under this policy: nothing was published.',
  },
  'policy-too-large': {
    status: 409,
    next: 'stop',
    title: 'What these policies leave undecided does not fit into a grant: nothing was changed.',
  },
  'policy-too-slow': { status: 400, next: 'stop', title: 'The policy takes too long to read: make it smaller.' },
  'approval-needed': { status: 403, next: 'stop', title: 'A second administrator must approve this.' },

  // The gates (edge 3)
  'grant-missing': { status: 401, next: 'renew', title: 'A grant is needed here.' },
  'grant-malformed': { status: 401, next: 'renew', title: 'The grant cannot be read.' },
  'grant-type': { status: 401, next: 'stop', title: 'This token is not a grant.' },
  'grant-key-unknown': { status: 401, next: 'retry', title: 'The grant names a key that is not known here yet.' },
  'grant-signature': { status: 401, next: 'renew', title: 'The signature of the grant is not right.' },
  'grant-issuer': { status: 403, next: 'renew', title: 'The grant was issued by somebody else.' },
  'grant-audience': { status: 403, next: 'renew', title: 'The grant is for another site or gateway.' },
  'grant-binding': { status: 403, next: 'renew', title: 'The grant belongs to another key.' },
  'grant-early': { status: 401, next: 'retry', title: 'The grant is not valid yet.' },
  'grant-lifetime': { status: 401, next: 'renew', title: 'The grant lives longer than any grant may.' },
  'grant-expired': { status: 401, next: 'renew', title: 'The grant has expired.' },
  'grant-below-floor': { status: 401, next: 'renew', title: 'The grant is older than the policy in force.' },
  'grant-revoked': { status: 403, next: 'renew', title: 'The grant has been taken back.' },
  'app-mismatch': { status: 403, next: 'renew', title: 'The grant is for another app.' },
  'action-mismatch': { status: 403, next: 'renew', title: 'The grant is for another action.' },
  'rules-refused': { status: 403, next: 'renew', title: 'The grant does not allow this request.' },
  'once-needed': { status: 403, next: 'renew', title: 'This request is granted by itself, for one use.' },
  'grant-used': { status: 403, next: 'renew', title: 'The grant was for one use and has been used.' },
  'rules-unknown': { status: 403, next: 'stop', title: 'The grant has a rule that this gateway does not know.' },
  'request-refused': { status: 400, next: 'stop', title: 'The request is written in a way that is not accepted.' },
  'cross-site': { status: 403, next: 'stop', title: 'Another site may not ask this in your name.' },
  'limit-reached': { status: 429, next: 'retry', title: 'The app is at its limit.' },
  'record-failed': { status: 503, next: 'retry', title: 'The access cannot be recorded, so it is not given.' },
  'gateway-stale': { status: 503, next: 'retry', title: 'The gateway has lost its controller.' },
  'stream-cut': {
    status: 403,
    next: 'renew',
    title: 'The stream was ended: its grant was not renewed or was taken back.',
  },
  'app-unreachable': { status: 502, next: 'retry', title: 'The app does not answer; Postern is fine.' },
  'app-timeout': { status: 504, next: 'retry', title: 'The app took too long; Postern is fine.' },
  'app-broken': {
    status: 502,
    next: 'retry',
    title: 'The app gave an answer that cannot be passed on; Postern is fine.',
  },

  // The device's local side
  'local-refused': { status: 403, next: 'stop', title: 'This local port serves another user.' },
  'proxy-login-required': { status: 407, next: 'stop', title: 'This proxy wants a user and password of its own.' },
  'browser-unknown': {
    status: 403,
    next: 'stop',
    title: 'This browser has not been let in yet: run `postern open`, which opens the portal in it.',
  },
  'held-too-long': { status: 504, next: 'retry', title: 'The request waited too long for you to act.' },
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof errorTable;

/** RFC 9457 problem document, as every edge sends it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly next: Next;
  readonly trace?: string;
  readonly detail?: string;
  readonly [extension: string]: unknown;
}

export interface PosternErrorOptions {
  /** Safe for the peer to read: no secrets, nothing about other people, apps or policies. */
  readonly tell?: string;
  /** Extension members of the problem document, as safe as `tell` (`retryAfterMs`, `fixes`, ...). */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class PosternError extends Error {
  override readonly name = 'PosternError';
  readonly code: ErrorCode;
  readonly tell: string | undefined;
  readonly extra: Readonly<Record<string, unknown>> | undefined;

  /** `message` is for the log; only `options.tell` and `options.extra` reach the peer. */
  constructor(code: ErrorCode, message?: string, options: PosternErrorOptions = {}) {
    super(
      message ?? options.tell ?? errorTable[code].title,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.tell = options.tell;
    this.extra = options.extra;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get next(): Next {
    return errorTable[this.code].next;
  }

  /** The face for the peer. */
  toProblem(trace?: string): Problem {
    const facts = errorTable[this.code];
    return {
      ...this.extra,
      type: `urn:postern:problem:${this.code}`,
      title: facts.title,
      status: facts.status,
      code: this.code,
      next: facts.next,
      ...(this.tell === undefined ? {} : { detail: this.tell }),
      ...(trace === undefined ? {} : { trace }),
    };
  }
}

/** Any thrown value as a PosternError; what is not one becomes `internal` and keeps its cause for the log. */
export function asPosternError(thrown: unknown): PosternError {
  if (thrown instanceof PosternError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new PosternError('internal', message, { cause: thrown });
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(errorTable, value);
}
