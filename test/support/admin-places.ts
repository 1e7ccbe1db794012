/**
 * Where every operation of the admin API and every verb of `posternctl` stands, told once more by hand: the server's own table must not be its
 * only witness. `test/attacks/p34-auditor.test.ts` fails until a new one has its place here.
 */

/** What the calls below are about. */
export interface AuditedWorld {
  readonly device: string;
  readonly trace: string;
  readonly record: string;
  readonly facts: string;
  readonly draft: string;
  readonly change: string;
  /** Of policies and of a policy store, on the disk. */
  readonly policies: string;
  readonly store: string;
  readonly key: string;
  /** A folder for what is written. */
  readonly out: string;
}

type Input = Readonly<Record<string, unknown>>;

/** Reads nothing away: with what an auditor calls it. */
export const readings: Readonly<Record<string, (world: AuditedWorld) => Input>> = {
  whoAmI: () => ({}),
  people: () => ({}),
  person: () => ({ params: { id: 'emma' } }),
  erasures: () => ({ query: {} }),
  groups: () => ({}),
  invitations: () => ({}),
  devices: () => ({ query: {} }),
  device: ({ device }) => ({ params: { id: device } }),
  inventory: () => ({}),
  sessions: () => ({}),
  postureCoverage: () => ({}),
  checks: () => ({}),
  apps: () => ({}),
  appGrantRate: () => ({ params: { id: 'wiki' } }),
  sites: () => ({}),
  gateways: () => ({}),
  policy: () => ({ query: {} }),
  policyHistory: () => ({}),
  policyKnown: () => ({}),
  validatePolicy: () => ({ body: { files: [] } }),
  whatIf: () => ({ body: { person: 'emma', app: 'wiki', act: 'request' } }),
  policyDrafts: () => ({}),
  policyDraft: ({ draft }) => ({ params: { id: draft } }),
  publishingSettings: () => ({}),
  whatIfPeople: () => ({ body: {} }),
  whoCan: () => ({ body: { app: 'wiki' } }),
  replayPolicy: () => ({ body: { from: 0 } }),
  shadow: () => ({ query: {} }),
  grants: () => ({}),
  cut: ({ change }) => ({ params: { change } }),
  trust: () => ({}),
  exportRecords: () => ({ query: {} }),
  facts: ({ facts }) => ({ params: { id: facts } }),
  logHead: () => ({}),
  knownLog: () => ({}),
  proveRecord: ({ record }) => ({ params: { id: record } }),
  proveGrowth: () => ({ query: { from: 1, to: 2 } }),
  verifyLog: () => ({ body: {} }),
  exportLog: () => ({}),
  makeReport: () => ({ body: { report: 'used' } }),
  evidence: () => ({ query: { from: 0, to: 1 } }),
  sealEvidence: () => ({ body: { manifest: '0'.repeat(64), from: 0, to: 1 } }),
  reviews: () => ({}),
  review: () => ({ params: { name: 'first' }, query: {} }),
  reviewNow: () => ({ params: { name: 'first' } }),
  retention: () => ({}),
  retentionDue: () => ({ query: {} }),
  holds: () => ({}),
  records: () => ({ query: {} }),
  followRecords: () => ({ query: { last: 1 } }),
  recordStory: ({ trace }) => ({ query: { of: trace } }),
  recordStats: () => ({ query: {} }),
  logStreams: () => ({}),
  logStream: () => ({ params: { name: 'files' } }),
  logAnchors: () => ({}),
  explain: ({ trace }) => ({ params: { trace }, query: {} }),
  status: () => ({}),
  export: () => ({}),
  touched: () => ({ query: { kind: 'person', id: 'emma', from: 0 } }),
  apiClients: () => ({}),
  policyStores: () => ({}),
  policyStore: () => ({ params: { name: 'shop' }, query: {} }),
};

/** Access reviews: evidence of their own, which changes nothing of who can reach what. `adminSignIn` and `adminSignOut` are about the caller alone. */
export const ofReviews = ['startReview', 'assignReview', 'decideReview', 'closeReview'];
export const ofCaller = ['adminSignIn', 'adminSignOut'];

export const changing = [
  ...[
    'putPerson',
    'setPersonState',
    'erasePerson',
    'resetFactors',
    'putGroup',
    'removeGroup',
    'invite',
    'voidInvitation',
  ],
  ...['approveDevice', 'setDevice', 'setDeviceState', 'putInventory', 'putApp', 'removeApp', 'checkApp', 'putSite'],
  ...['inviteGateway', 'removeGateway', 'publishPolicy', 'rollbackPolicy', 'startShadow', 'stopShadow', 'draftPolicy'],
  ...[
    'approveDraft',
    'rejectDraft',
    'revoke',
    'contain',
    'lift',
    'apply',
    'addApiClient',
    'rotateApiClient',
    'addHold',
  ],
  ...['removeApiClient', 'putPolicyStore', 'rollbackPolicyStore', 'removePolicyStore'],
];
export const ownersOnly = [
  ...['setPublishing', 'rotateKeys', 'withdrawKey', 'takeRootKey', 'bringRootKey', 'recover', 'backup', 'pruneRecords'],
  ...[
    'resumeLog',
    'openNewLog',
    'addLogStream',
    'testLogStream',
    'pauseLogStream',
    'resumeLogStream',
    'removeLogStream',
  ],
  ...['addLogAnchor', 'tryLogAnchor', 'removeLogAnchor'],
  ...['setRetention', 'releaseHold'],
];

/** What touches the log or where it goes, with the event that its record has: nothing of the kind is silent. */
export const touchesLog: Readonly<Record<string, string>> = {
  pruneRecords: 'pruned',
  setRetention: 'retention-set',
  addHold: 'hold-added',
  releaseHold: 'hold-released',
  erasePerson: 'erasure-begun',
  addLogStream: 'stream-added',
  testLogStream: 'stream-tested',
  pauseLogStream: 'stream-paused',
  resumeLogStream: 'stream-resumed',
  removeLogStream: 'stream-removed',
  addLogAnchor: 'anchor-added',
  tryLogAnchor: 'anchor-tried',
  removeLogAnchor: 'anchor-removed',
  resumeLog: 'log-resumed',
  openNewLog: 'log-opened',
};
