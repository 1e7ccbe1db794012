/** A question as the engine is asked it. The person is in their groups, the app in its groups, parents included in both. */
import type { Ask } from '#shared/cedar/ask.ts';
import { type Entity, noMembers } from '#shared/cedar/entities.ts';
import { CedarRecord, EntityUid } from '#shared/cedar/values.ts';
import type { Question } from './facts.ts';
import { toContext } from './facts-to-context.ts';

export function askOf(question: Question): Ask {
  const { person } = question.facts;
  const { app } = question;
  const principal = new EntityUid('Person', person.id);
  const resource = new EntityUid('App', app.id);
  const asker = new KnownEntity({ name: person.name, role: person.role }, 'Group', person.groups ?? []);
  const asked = new KnownEntity({ kind: app.kind, site: app.site }, 'AppGroup', app.groups);
  const find = ({ key }: EntityUid) => {
    if (key === principal.key) return asker;
    return key === resource.key ? asked : undefined;
  };
  return { principal, action: actions[question.act], resource, context: toContext(question), entities: { find } };
}

const actions = { request: new EntityUid('Action', 'request'), connect: new EntityUid('Action', 'connect') } as const;

/** Put together when it is looked at: most policies look at little of it. */
class KnownEntity implements Entity {
  readonly tags = noMembers;
  readonly #facts: Readonly<Record<string, string>>;
  readonly #parentType: string;
  readonly #parents: readonly string[];
  #attributes: CedarRecord | undefined;
  #ancestors: ReadonlySet<string> | undefined;

  constructor(facts: Readonly<Record<string, string>>, parentType: string, parents: readonly string[]) {
    this.#facts = facts;
    this.#parentType = parentType;
    this.#parents = parents;
  }

  get attributes(): CedarRecord {
    this.#attributes ??= new CedarRecord(
      new Map(Object.entries(this.#facts).map(([name, text]) => [name, text.toWellFormed()])),
    );
    return this.#attributes;
  }

  get ancestors(): ReadonlySet<string> {
    this.#ancestors ??= new Set(this.#parents.map((id) => new EntityUid(this.#parentType, id).key));
    return this.#ancestors;
  }
}
