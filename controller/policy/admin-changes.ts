/** What an administrator can change about a person or a device, out of what policies name. The words name groups and thresholds. */
import type { DeviceState } from '#shared/contracts/agent-to-controller.ts';
import { osNames } from '#shared/contracts/posture.ts';
import { type Change, passedNow, withDevice, withPerson, withSession } from './change.ts';
import { literalsFor } from './comparisons.ts';
import type { Question } from './facts.ts';
import { type CompiledPolicy, readsPart } from './policy-set.ts';

/** Of one kind; what policies name beyond it is not tried. */
export const mostNamed = 32;
/** Where names are what is tried. */
export const namedPaths = ['person.groups', 'person.role', 'session.methods', 'device.ownership', 'device.os'] as const;

export function adminChanges(policies: readonly CompiledPolicy[], question: Question): Change[] {
  return [
    ...stateChanges(question),
    ...riskChanges(policies, question),
    ...ownershipChanges(policies, question),
    ...groupChanges(policies, question),
    ...roleChanges(policies, question),
    ...factorChanges(policies, question),
    ...systemChanges(policies, question),
  ];
}

function stateChanges({ facts: { person, device } }: Question): Change[] {
  const found: Change[] = [];
  if (person.state !== 'active')
    found.push({
      kind: 'person-state',
      by: 'admin',
      slot: 'person.state',
      text: `${person.id} active: the person is ${person.state}`,
      suppose: (question) => withPerson(question, { state: 'active' }),
    });
  if (person.groups === null)
    found.push({
      kind: 'group',
      by: 'admin',
      slot: 'person.groups',
      text: `groups of ${person.id} that can be read: now they cannot`,
      suppose: (question) => withPerson(question, { groups: question.facts.person.groups ?? [] }),
    });
  if (device.state !== 'active')
    found.push({
      kind: 'device-state',
      by: 'admin',
      slot: 'device.state',
      text: `device ${device.id} active: ${deviceHelp[device.state as DeviceState] ?? `it is ${device.state}`}`,
      suppose: (question) => withDevice(question, { state: 'active' }),
    });
  return found;
}

const deviceHelp: Partial<Record<DeviceState, string>> = {
  pending: 'it waits for its approval',
  suspended: 'it is suspended',
  gone: 'it is gone, and has to be enrolled anew',
};

const numbers = (literals: readonly unknown[]): number[] =>
  literals.filter((literal): literal is number => typeof literal === 'number');
const texts = (literals: readonly unknown[]): string[] =>
  literals.filter((literal): literal is string => typeof literal === 'string').slice(0, mostNamed);

/** The nearest to what it is comes first. */
function riskChanges(policies: readonly CompiledPolicy[], { facts: { person } }: Question): Change[] {
  if (!readsPart(policies, 'risk')) return [];
  const named = numbers(literalsFor(policies, 'risk.level')).flatMap((level) => [level - 1, level, level + 1]);
  const levels = [...new Set([...named, 0])].filter((level) => level >= 0 && level <= 100 && level !== person.risk);
  return levels
    .sort((a, b) => Math.abs(a - person.risk) - Math.abs(b - person.risk))
    .slice(0, mostNamed)
    .map((level) => ({
      kind: 'risk',
      by: 'admin',
      slot: 'person.risk',
      text: `risk level ${level} for ${person.id}: it is ${person.risk}`,
      suppose: (question) => withPerson(question, { risk: level }),
    }));
}

function ownershipChanges(policies: readonly CompiledPolicy[], { facts: { device } }: Question): Change[] {
  const named = new Set([...texts(literalsFor(policies, 'device.ownership'))]);
  named.delete(device.ownership);
  return [...named].map((ownership) => ({
    kind: 'ownership',
    by: 'admin',
    slot: 'device.ownership',
    text: `a device whose ownership is "${ownership}": that of ${device.id} is "${device.ownership}"`,
    suppose: (question) => withDevice(question, { ownership }),
  }));
}

function groupChanges(policies: readonly CompiledPolicy[], { facts: { person } }: Question): Change[] {
  const own = new Set(person.groups ?? []);
  const named = new Set(texts(literalsFor(policies, 'person.groups')));
  const into = [...named].filter((group) => !own.has(group)).map((group) => toGroup(person.id, group, true));
  const outOf = [...named].filter((group) => own.has(group)).map((group) => toGroup(person.id, group, false));
  return [...into, ...outOf];
}

/** Out of a group: of itself alone, where its parents may be more. */
function toGroup(person: string, group: string, isIn: boolean): Change {
  return {
    kind: 'group',
    by: 'admin',
    slot: `group ${group}`,
    text: `${person} ${isIn ? 'in' : 'not in'} group ${group}`,
    suppose: (question) => {
      const others = (question.facts.person.groups ?? []).filter((each) => each !== group);
      return withPerson(question, { groups: isIn ? [...others, group] : others });
    },
  };
}

function roleChanges(policies: readonly CompiledPolicy[], { facts: { person } }: Question): Change[] {
  const named = texts(literalsFor(policies, 'person.role')).filter((role) => role !== person.role);
  return named.map((role) => ({
    kind: 'role',
    by: 'admin',
    slot: 'person.role',
    text: `${person.id} with the role ${role}: it is ${person.role}`,
    suppose: (question) => withPerson(question, { role }),
  }));
}

/** Factors that policies name and a sign-in here does not give. */
function factorChanges(policies: readonly CompiledPolicy[], { facts: { session } }: Question): Change[] {
  if (session === null) return [];
  const named = texts(literalsFor(policies, 'session.methods')).filter((name) => !session.methods.includes(name));
  const known = ['pwd', 'otp', 'mfa'];
  return named
    .filter((method) => !known.includes(method))
    .map((method) => ({
      kind: 'factor',
      by: 'admin',
      slot: `factor ${method}`,
      text: `a sign-in with the factor "${method}": the session has ${session.methods.join(', ')}`,
      suppose: (question) => {
        const { session: now } = question.facts;
        return now === null ? question : withSession(question, { ...now, methods: [...now.methods, method] });
      },
    }));
}

function systemChanges(policies: readonly CompiledPolicy[], { facts, at }: Question): Change[] {
  const now = facts.device.posture['os']?.value;
  const named = texts(literalsFor(policies, 'device.os')).filter((os) => os !== now);
  return named
    .filter((os) => (osNames as readonly string[]).includes(os))
    .map((os) => ({
      kind: 'posture',
      by: 'admin',
      slot: 'device.os',
      text: `a device with the system ${os}: ${facts.device.id} has ${String(now ?? 'an unknown one')}`,
      suppose: (question) =>
        withDevice(question, { posture: { ...question.facts.device.posture, os: passedNow(os, at) } }),
    }));
}
