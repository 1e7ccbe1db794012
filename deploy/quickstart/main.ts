/** `npm start`: the whole triangle on loopback, without privilege, from nothing or from where it was left. */
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '#shared/base/clock.ts';
import { type DoorMode, doorModes, hasKernelDoor } from '#shared/contracts/knock.ts';
import { currentTotp } from '#shared/crypto/totp.ts';
import { writeConfigs } from './configs.ts';
import { runJourney } from './journey/run-journey.ts';
import { keepLinksFresh } from './links.ts';
import { layOutPorts, type Ports } from './ports.ts';
import { Processes } from './processes.ts';
import { resume } from './resume.ts';
import { setUp } from './set-up.ts';
import { type QuickstartState, StateFile } from './state.ts';
import { describeAsJson, welcome } from './welcome.ts';

const help = `npm start                      start the triangle in .postern/ and stay up until Ctrl-C
npm start -- --json            print one line of JSON when ready
npm start -- --dir DIR         another state directory
npm start -- --port-base N     lay the ports out from N on
npm start -- --code PERSON     print a one-time code of emil, olivia or audrey, as an authenticator app would
npm start -- --door MODE       what stands in front of controller and gateway: prelude (unless told), which answers nobody without a knock, or none, for programs that speak TLS to them by themselves
npm start -- --journey         walk through everything once, with real processes, and exit 0 or 1`;

const leftoversEndMs = 5000;

process.umask(0o077);
const say = (line: string) => void process.stderr.write(`${line}\n`);
const values = readCommandLine();

if (values.help) process.stdout.write(`${help}\n`);
else if (values.code !== undefined) printCode(values.code);
else if (values.journey) process.exit(await runJourney({ portBase: portBase(), json: values.json, door: door() }));
else await stayUp();

function readCommandLine() {
  try {
    return parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        dir: { type: 'string', default: '.postern' },
        'port-base': { type: 'string' },
        code: { type: 'string' },
        door: { type: 'string', default: 'prelude' },
        journey: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    return fail(`${(error as Error).message.split('. ', 1)[0]}; try: npm start -- --help`);
  }
}

function portBase(): number | undefined {
  const text = values['port-base'];
  if (text === undefined) return undefined;
  const base = Number(text);
  if (Number.isInteger(base) && base > 1023 && base < 65_000) return base;
  return fail(`--port-base wants a number from 1024 to 65000, not ${text}`);
}

function door(): DoorMode {
  // A kernel door needs a privilege that nothing of the quickstart has, and lets loopback pass.
  const modes = doorModes.filter((mode) => !hasKernelDoor(mode));
  const mode = modes.find((one) => one === values.door);
  return mode ?? fail(`--door wants one of ${modes.join(', ')}, not ${values.door}`);
}

function printCode(person: string): void {
  const user = new StateFile(resolve(values.dir)).read()?.people[person as 'emil'];
  if (user === undefined)
    fail(`there is no ${person} in ${values.dir}: emil, olivia and audrey come with the first start`);
  else process.stdout.write(`${currentTotp(user.totpSecret, systemClock.now())}\n`);
}

async function stayUp(): Promise<void> {
  const began = performance.now();
  const state = new StateFile(resolve(values.dir));
  const known = state.read();
  const ports = portsFor(known);
  // What a killed quickstart has left ends by itself within moments.
  await refuseTakenPorts(ports, known === undefined ? 0 : leftoversEndMs);
  if (known === undefined) beginAnew(state);
  writeConfigs(state, ports, { keepFacts: known !== undefined, door: door() });
  const processes = new Processes((name, why) => {
    say(`\n${name} ${why}`);
    void stop(1);
  });
  let links: { stop(): void } | undefined;
  let isStopping = false;
  const stop = async (code: number) => {
    // A second Ctrl-C must not end this process before its children, which nobody would stop then.
    if (isStopping) return;
    isStopping = true;
    links?.stop();
    say('stopping');
    await processes.stop();
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0));
  try {
    const triangle = { state, ports, processes };
    const up = known === undefined ? await setUp(triangle, say) : await resume(triangle, known, say);
    links = await keepLinksFresh(state, up.agents);
    const readyMs = Math.round(performance.now() - began);
    const told = { state, ports, people: up.state.people, readyMs };
    process.stdout.write(values.json ? `${JSON.stringify(describeAsJson(told))}\n` : welcome(told));
  } catch (error) {
    say(`\ncould not start: ${error instanceof Error ? error.message : String(error)}\nlogs: ${state.path('logs')}`);
    await stop(1);
  }
}

function beginAnew(state: StateFile): void {
  try {
    state.begin();
  } catch (error) {
    fail((error as Error).message);
  }
}

/** A directory keeps its ports: the certificates and the agents in it remember addresses. */
function portsFor(known: QuickstartState | undefined): Ports {
  const base = portBase();
  if (known === undefined) return layOutPorts(base);
  if (base === undefined || layOutPorts(base).bootstrap === known.ports.bootstrap) return known.ports;
  return fail(`${values.dir} was set up with other ports: start without --port-base, or give another --dir`);
}

/** Before anything is made: a port in use would leave a half-made state behind. */
async function refuseTakenPorts(ports: Ports, patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs;
  for (const [name, port] of Object.entries(ports)) {
    while (!(await isFree(port))) {
      const rest = patienceMs > 0 ? ` (is ${values.dir} up already?)` : ', or choose others with --port-base N';
      if (performance.now() > until) fail(`port ${port} (${name}) is in use: stop what listens there${rest}`);
      await sleep(100);
    }
  }
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}

function fail(message: string): never {
  say(message);
  process.exit(1);
}
