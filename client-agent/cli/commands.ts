/**
 * `postern` as a table. Each command's code is loaded when it runs: ssh waits for `ssh-proxy`, and `--help` needs none of it.
 */
import type { CliCall, CliCommand } from '#shared/base/cli.ts';

type Run = (call: CliCall) => unknown;

const account =
  (name: keyof typeof import('./account.ts')): Run =>
  async (call) =>
    (await import('./account.ts'))[name](call);

const dns =
  (name: keyof typeof import('./dns.ts')): Run =>
  async (call) =>
    (await import('./dns.ts'))[name](call);

const trust =
  (name: keyof typeof import('./trust.ts')): Run =>
  async (call) =>
    (await import('./trust.ts'))[name](call);

const review =
  (name: keyof typeof import('./reviews.ts')): Run =>
  async (call) =>
    (await import('./reviews.ts'))[name](call);

const trustOptions: CliCommand['options'] = {
  system: { type: 'boolean', about: "The system's store, for everybody on this machine (as root, with --dir)" },
};

const resolverOptions: CliCommand['options'] = {
  zone: { type: 'string', value: 'ZONE', multiple: true, about: 'A zone of local.dns.zones; may be given again' },
  server: { type: 'string', value: 'ADDRESS', about: "The agent's DNS server; 127.0.0.1:7053 unless given" },
  user: { type: 'string', value: 'NAME', about: 'Whose agent it is; who called sudo unless given' },
  uid: { type: 'string', value: 'N', about: 'The same by number' },
};

export const agentCommands: Readonly<Record<string, CliCommand>> = {
  enrol: {
    about: 'Enrol this device with an invitation (pasted, or on standard input)',
    options: { again: { type: 'boolean', about: 'Replace the enrolment of this profile' } },
    help: 'The invitation never stands on the command line, which every process of the machine can read:\n  postern enrol < invitation.txt',
    run: async (call) => (await import('../run-enrol.ts')).runEnrol(call),
  },
  up: {
    about: 'Run the agent in this terminal until Ctrl-C',
    options: { 'check-config': { type: 'boolean', about: 'Check the configuration and end' } },
    help: 'Standard output is one line of JSON with --json when it is ready; the log goes to standard error.',
    run: async (call) => (await import('../run-up.ts')).runUp(call),
  },
  down: { about: 'End the running agent', run: async (call) => (await import('./stop-agent.ts')).stopAgent(call) },
  login: {
    about: 'Sign in, or confirm who you are',
    options: {
      'step-up': { type: 'boolean', about: 'Confirm the second factor again, for apps that ask for it' },
      again: { type: 'boolean', about: 'Sign in anew, for apps that ask for a young session; the present one ends' },
    },
    help: 'Asks at the terminal without echo; from a pipe it reads one answer a line: password, then one-time code (or a\nrecovery code). With --json each step is a line on standard output.',
    run: async (call) => (await import('./login.ts')).login(call),
  },
  logout: {
    about: 'End the session',
    async run(call) {
      const { withAgent } = await import('./with-agent.ts');
      const { answer } = await import('./words.ts');
      await withAgent(call, ({ calls }) => calls.signOut());
      answer(call, { signedIn: false }, () => call.io.out('You are signed out.'));
    },
  },
  status: {
    about: 'Who, which device, session, controller, posture, local addresses',
    options: { wait: { type: 'string', value: 'SECONDS', about: 'Wait so long for an agent that is starting' } },
    run: async (call) => (await import('./show-status.ts')).showStatus(call),
  },
  apps: {
    about: 'Your apps: which work now, why others do not, how to reach each',
    run: async (call) => (await import('./show-apps.ts')).showApps(call),
  },
  open: {
    about: 'Open an app, or the portal, in the browser',
    args: '[app]',
    options: { print: { type: 'boolean', about: 'Print the one-time file instead of starting a browser' } },
    help: 'The browser is let in by a file that only you can read and that works once, for 30 seconds.',
    run: async (call) => (await import('./open-app.ts')).openApp(call),
  },
  connect: {
    about: 'Open a local port for a TCP app until Ctrl-C',
    args: '<app>',
    options: {
      port: { type: 'string', value: 'N', about: 'This local port; any free one unless given' },
      stdio: { type: 'boolean', about: 'Standard input and output instead of a port' },
    },
    run: async (call) => (await import('./connect-app.ts')).connectApp(call),
  },
  'ssh-proxy': {
    about: 'Standard input and output as the connection to a TCP app, for ssh',
    args: '<app>',
    help: 'In ~/.ssh/config:\n  Host build\n    ProxyCommand /path/to/bin/postern ssh-proxy %h',
    run: async (call) => (await import('./ssh-proxy.ts')).sshProxy(call),
  },
  posture: {
    about: 'What this device tells, how it counts, how to put it right',
    options: { report: { type: 'boolean', about: 'Look again and report now' } },
    run: async (call) => (await import('./show-posture.ts')).showPosture(call),
  },
  why: {
    about: 'The last refusals: reason, what would change it, trace',
    args: '[app]',
    run: async (call) => (await import('./show-why.ts')).showWhy(call),
  },
  doctor: {
    about: 'Look at every step from this device to the apps; 1 when one fails',
    run: async (call) => (await import('./run-doctor.ts')).runDoctorCommand(call),
  },
  logs: {
    about: "The last lines of the agent's log",
    options: { follow: { type: 'boolean', short: 'f', about: 'Go on with new lines until Ctrl-C' } },
    run: async (call) => (await import('./show-logs.ts')).showLogs(call),
  },
  factors: { about: 'How you sign in', run: account('listFactors') },
  'factors password': { about: 'Change your password', run: account('changePassword') },
  'factors add-totp': { about: 'Set up an authenticator app', run: account('addTotp') },
  'factors recovery-codes': { about: 'New recovery codes; the old ones end', run: account('renewRecoveryCodes') },
  'factors remove': { about: 'Remove a factor', args: '<id>', run: account('removeFactor') },
  devices: { about: 'Your devices', run: account('listDevices') },
  'devices remove': { about: 'Take one of your devices out of service', args: '<id>', run: account('removeDevice') },
  sessions: { about: 'Where you are signed in', run: account('listSessions') },
  'sessions end': { about: 'End one of your sessions', args: '<id>', run: account('endSession') },
  notices: { about: 'What others did to your account in the last 30 days', run: account('listNotices') },
  review: { about: 'Access reviews with rows for you to decide', run: review('listReviews') },
  'review show': { about: 'Your rows of a review', args: '<name>', run: review('showReview') },
  'review decide': {
    about: 'Decide on rows of yours: keep, revoke or change, with --reason',
    args: '<name> <decision>',
    options: {
      row: { type: 'string', value: 'N', multiple: true, about: 'A row by its number; may be given again' },
      app: { type: 'string', value: 'ID', about: 'Undecided rows of this app' },
      person: { type: 'string', value: 'ID', about: 'Undecided rows of this person' },
      all: { type: 'boolean', about: 'All rows that are undecided' },
      again: { type: 'boolean', about: 'With --row: also on rows that are decided, over what was decided' },
      reason: { type: 'string', value: 'TEXT', about: 'Why: it is recorded' },
    },
    run: review('decideReview'),
  },
  access: { about: 'Your own recent access, with verdicts and reasons', run: account('listAccess') },
  client: {
    about: 'Programs that reach your apps by a proxy user and password',
    run: async (call) => (await import('./clients.ts')).listClients(call),
  },
  'client list': {
    about: 'The same',
    run: async (call) => (await import('./clients.ts')).listClients(call),
  },
  'client add': {
    about: 'A proxy user and password for a program, limited to the apps you name',
    args: '<name>',
    options: {
      app: { type: 'string', value: 'APP', multiple: true, about: 'An app it may reach; may be given again' },
      expires: { type: 'string', value: 'TIME', about: 'Ends by itself after 30m, 12h, 30d' },
      file: { type: 'string', value: 'FILE', about: 'Write the password to this new file (0600), not to the terminal' },
    },
    help: 'For programs whose connections cannot be told to be yours: in containers, in WSL, on systems where the agent cannot\nsee who connects. They use the HTTP proxy or SOCKS5 with this user and password. Containers reach the agent at the\naddress of their network: local.clientAddresses. Whoever has the password has these apps: take it back when in doubt.',
    run: async (call) => (await import('./clients.ts')).addClient(call),
  },
  'client remove': {
    about: 'Take a client back; what runs under it ends',
    args: '<name>',
    run: async (call) => (await import('./clients.ts')).removeClient(call),
  },
  dns: { about: "Whether the system's resolver asks the agent for its zones", run: dns('showDns') },
  'dns status': { about: 'The same; 1 when it does not', run: dns('showDns') },
  'dns install': {
    about: "Make the system's resolver ask the agent for its zones while the agent runs (as root)",
    options: resolverOptions,
    help: 'Linux: a service holds a link of its own for systemd-resolved while the agent runs, and takes it back when the agent or\nthe service ends, whatever way. macOS: a file a zone in /etc/resolver; Windows: a rule a zone in the NRPT; both stay until\n"postern dns uninstall". Every other name is asked where it always was.',
    run: dns('installDns'),
  },
  'dns uninstall': { about: 'Take all of that back (as root)', run: dns('uninstallDns') },
  'dns hold': {
    about: 'What the service does, in this terminal until Ctrl-C (as root)',
    options: resolverOptions,
    run: dns('holdDns'),
  },
  'dns restore': { about: 'Take back what a killed "dns hold" has left (as root)', run: dns('restoreDns') },
  trust: { about: "Which stores trust this device's issuer for names of apps", run: trust('showTrust') },
  'trust status': { about: 'The same; 1 when a browser of yours does not', run: trust('showTrust') },
  'trust install': {
    about: "Let your browsers trust this device's issuer for names of apps (Chromium, Firefox)",
    options: trustOptions,
    help: 'Its key was made on this device and never leaves it; whatever it signs is good for the DNS zones of the agent alone, which\nthe certificate itself says and browsers enforce. Wants certutil (libnss3-tools).',
    run: trust('installTrust'),
  },
  'trust uninstall': {
    about: 'Take that back, everywhere it was put',
    options: trustOptions,
    run: trust('uninstallTrust'),
  },
  renew: {
    about: "Renew this device's certificate now; by itself it is renewed every 16 hours",
    run: async (call) => (await import('./certificate.ts')).renew(call),
  },
  rekey: {
    about: "Change this device's key; nothing that runs is cut",
    run: async (call) => (await import('./certificate.ts')).rekey(call),
  },
  version: {
    about: 'The version of this program',
    async run(call) {
      const { readVersion } = await import('./read-version.ts');
      const { answer } = await import('./words.ts');
      const facts = readVersion();
      answer(call, facts, () =>
        call.io.out(`postern ${facts.version}, protocol ${facts.protocol}, node ${facts.node}`),
      );
    },
  },
};
