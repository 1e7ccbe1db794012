/** A question as the engine is asked it. The person is in their groups, the app in its groups, parents included in both. */
import type { Ask } from '#shared/cedar/ask.ts';
import { type Entity, noMembers } from '#shared/cedar/entities.ts';
import { CedarRecord, EntityUid } from '#shared/cedar/values.ts';
import type { AppFacts, Facts, Question } from './facts.ts';
import { toContext } from './facts-to-context.ts';

export function askOf(question: Question): Ask {
  const principal = personOf(question.facts.person);
  const resource = appOf(question.app);
  const find = ({ key }: EntityUid) => {
    if (key === principal.uid.key) return principal.entity;
    return key === resource.uid.key ? resource.entity : undefined;
  };
  return {
    principal: principal.uid,
    action: actions[question.act],
    resource: resource.uid,
    context: toContext(question),
    entities: { find },
  };
}

const actions = { request: new EntityUid('Action', 'request'), connect: new EntityUid('Action', 'connect') } as const;

interface Named {
  readonly uid: EntityUid;
  readonly entity: Entity;
}

// A search for a lapse or a fix asks about one person and one app many times.
const people = new WeakMap<Facts['person'], Named>();
const apps = new WeakMap<AppFacts, Named>();

function personOf(person: Facts['person']): Named {
  let named = people.get(person);
  if (named === undefined) {
    const { id, name, role, groups } = person;
    named = { uid: new EntityUid('Person', id), entity: entity({ name, role }, 'Group', groups ?? []) };
    people.set(person, named);
  }
  return named;
}

function appOf(app: AppFacts): Named {
  let named = apps.get(app);
  if (named === undefined) {
    const { id, kind, site, groups } = app;
    named = { uid: new EntityUid('App', id), entity: entity({ kind, site }, 'AppGroup', groups) };
    apps.set(app, named);
  }
  return named;
}

function entity(attributes: Readonly<Record<string, string>>, parentType: string, parents: readonly string[]): Entity {
  return {
    attributes: new CedarRecord(new Map(Object.entries(attributes).map(([name, text]) => [name, text.toWellFormed()]))),
    tags: noMembers,
    ancestors: new Set(parents.map((id) => new EntityUid(parentType, id).key)),
  };
}
