/** The journey, in order. */
import { readFileSync, writeFileSync } from 'node:fs';
import { untilItWorks } from '../clients.ts';
import { factsFileOf } from '../configs.ts';
import { giveCode } from '../resume.ts';
import { describeOrganisation, enrolDevice, initController, joinGateway, setFirstFactors } from '../set-up.ts';
import {
  gatewayIsFresh,
  startAgentProcess,
  startAppsProcess,
  startControllerProcess,
  startGatewayProcess,
} from '../start-triangle.ts';
import { cutStep } from './cut-step.ts';
import { askThroughAgent } from './through-agent.ts';
import { expect, must, type Step, type Walk } from './walk.ts';

const exportRequest = { app: 'payroll', method: 'POST', path: '/reports/2026-10/export' } as const;

const start: Step = {
  name: 'start a controller and describe the organisation',
  async run(walk) {
    const owners = await initController(walk.triangle);
    walk.admin = await startControllerProcess(walk.triangle);
    walk.invitations = await describeOrganisation(walk.triangle, walk.admin, owners);
    const { apps, people } = await walk.admin.status({});
    walk.wanted = { kind: 'policy' };
    return [`${people} people, ${apps} apps, policy version 1 in force`];
  },
};

const gateway: Step = {
  name: 'a gateway joins, the sample apps start behind it',
  async run(walk) {
    startAppsProcess(walk.triangle);
    await joinGateway(walk.triangle, must(walk.admin));
    startGatewayProcess(walk.triangle);
    await gatewayIsFresh(must(walk.admin));
    walk.wanted = { kind: 'gateway' };
    return ['gateway gw-main has its snapshot and confirms changes'];
  },
};

const enrol: Step = {
  name: 'emil enrols a device with his invitation',
  async run(walk) {
    const { emil, olivia } = must(walk.invitations);
    await Promise.all([enrolDevice(walk.triangle, 'emil', emil), enrolDevice(walk.triangle, 'olivia', olivia)]);
    walk.emil = await startAgentProcess(walk.triangle, 'emil');
    walk.olivia = await startAgentProcess(walk.triangle, 'olivia');
    const { device } = (await walk.emil.status({})).state;
    walk.wanted = { kind: 'enrolment', person: 'emil' };
    return [`device ${device.id}, fingerprint ${device.fingerprint}`];
  },
};

const posture: Step = {
  name: 'his device reports its posture',
  async run(walk) {
    const { posture } = await must(walk.emil).reportPosture({});
    expect(posture.failure === undefined, `the report was refused: ${posture.failure?.title}`);
    const passed = posture.judged.filter((fact) => fact.state === 'pass').map((fact) => fact.fact);
    expect(passed.includes('firewallOn'), 'the firewall was not accepted as on');
    walk.wanted = { kind: 'posture', person: 'emil' };
    return [`good: ${passed.join(', ')}`];
  },
};

const signIn: Step = {
  name: 'he signs in with a password and a one-time code',
  async run(walk) {
    walk.user = await setFirstFactors(must(walk.emil), 'emil');
    await setFirstFactors(must(walk.olivia), 'olivia');
    const apps = await untilItWorks(async () => {
      const listed = (await must(walk.emil).apps({})).apps;
      if (!listed.some((app) => app.usable)) throw new Error('no app is usable');
      return listed;
    }, 5000);
    walk.wanted = { kind: 'sign-in', person: 'emil' };
    return [`apps: ${apps.map((app) => `${app.id}${app.usable ? '' : ' (not usable)'}`).join(', ')}`];
  },
};

const allowed: Step = {
  name: 'allowed: the wiki greets him by name',
  async run(walk) {
    const port = walk.triangle.ports.employeePortal;
    const answer = await untilItWorks(async () => {
      const asked = await askThroughAgent({ port, app: 'wiki', path: '/pages/home' });
      expect(asked.status === 200, `status ${asked.status}: ${asked.text.slice(0, 300)}`);
      return asked;
    }, 5000);
    expect(answer.text.includes('Emil Employee'), 'the page does not know him');
    walk.wanted = { kind: 'access', person: 'emil', app: 'wiki', verdict: 'allow' };
    return ['200, "Emil Employee" on the page'];
  },
};

const denied: Step = {
  name: 'denied: olivia is not in finance and may not export',
  async run(walk) {
    const port = walk.triangle.ports.ownerPortal;
    const answer = await askThroughAgent({ port, ...exportRequest });
    expect(answer.status === 403, `status ${answer.status}: ${answer.text.slice(0, 300)}`);
    const problem = JSON.parse(answer.text) as { code: string; next: string; title: string };
    expect(problem.code === 'not-allowed' && problem.next === 'stop', answer.text);
    walk.wanted = { person: 'olivia', verdict: 'deny', app: 'payroll' };
    return [`403 ${problem.code}: ${problem.title} (next: ${problem.next})`];
  },
};

const fixed: Step = {
  name: 'denied with a fix: his disk is not encrypted; he turns it on and the waiting request goes on',
  async run(walk) {
    const emil = must(walk.emil);
    setFact(walk, 'diskEncrypted', false);
    await emil.reportPosture({});
    const waiting = askThroughAgent({ port: walk.triangle.ports.employeePortal, ...exportRequest });
    const hold = await firstHold(walk);
    expect(hold.kind === 'fix-device', `it waits for ${hold.kind}`);
    setFact(walk, 'diskEncrypted', true);
    await emil.reportPosture({});
    const answer = await waiting;
    expect(answer.status === 200, `status ${answer.status}: ${answer.text.slice(0, 300)}`);
    walk.wanted = { kind: 'grant', person: 'emil', verdict: 'deny', app: 'payroll' };
    return [
      `${hold.code}; fix: ${hold.fixes.map((fix) => fix.text).join(' ')}`,
      `then 200, ${answer.text.length} bytes of CSV`,
    ];
  },
};

const stepUp: Step = {
  name: 'step-up: the export now wants a second factor of this very moment',
  async run(walk) {
    const admin = must(walk.admin);
    const { files } = await admin.policy({ query: {} });
    const stricter = files.map((file) => ({
      ...file,
      text: file.text.replace('secondFactorAge <= 900', 'secondFactorAge <= 2'),
    }));
    await admin.publishPolicy({ body: { files: stricter, message: 'Export wants a factor of this moment' } });
    await factorIsOld(walk);
    const waiting = askThroughAgent({ port: walk.triangle.ports.employeePortal, ...exportRequest });
    const hold = await firstHold(walk);
    expect(hold.kind === 'step-up', `it waits for ${hold.kind}`);
    const { flow } = await must(walk.emil).startSignIn({ body: { purpose: 'step-up' } });
    await giveCode(must(walk.emil), must(walk.user), flow);
    const answer = await waiting;
    expect(answer.status === 200, `status ${answer.status}: ${answer.text.slice(0, 300)}`);
    walk.wanted = { kind: 'access', person: 'emil', app: 'payroll', verdict: 'allow' };
    return [`held: ${hold.fixes.map((fix) => fix.text).join(' ')}`, 'one code later: 200'];
  },
};

export const steps: readonly Step[] = [start, gateway, enrol, posture, signIn, allowed, denied, fixed, stepUp, cutStep];

function setFact(walk: Walk, fact: string, value: boolean): void {
  const file = factsFileOf(walk.triangle.state, 'emil');
  const facts = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...facts, [fact]: value }, null, 2));
}

/** The sign-in was moments ago: asks what would be decided until the factor is older than the policy wants. */
async function factorIsOld(walk: Walk): Promise<void> {
  const { device } = (await must(walk.emil).status({})).state;
  const { method, path, app } = exportRequest;
  const request = { method, host: 'payroll.corp.internal', path, query: '' };
  await untilItWorks(async () => {
    const body = { person: 'emil', device: device.id, app, act: 'request', request } as const;
    const { verdict } = await must(walk.admin).whatIf({ body });
    if (verdict === 'allow') throw new Error('the second factor is still fresh');
  }, 10_000);
}

function firstHold(walk: Walk) {
  return untilItWorks(async () => {
    const [hold] = (await must(walk.emil).status({})).holds;
    if (hold === undefined) throw new Error('the request is not held');
    return hold;
  }, 5000);
}
