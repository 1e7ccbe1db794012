/** Attributes, tags, `in`, `is` and `has`: operators that look an entity up. */
import type { Ask, Code, CompileExpression, CompileOperator, Evaluate } from './ask.ts';
import type { Entity } from './entities.ts';
import { EvaluationError } from './evaluation-error.ts';
import { asEntity, asString, wrongType } from './expect-type.ts';
import { listOf, membersOf, textOf, twoOf } from './operands.ts';
import { refuse } from './refuse.ts';
import { CedarRecord, CedarSet, EntityUid, type Value } from './values.ts';

const getAttribute: CompileOperator = (operand, compile) => {
  const { left, attr } = membersOf(operand, ['left', 'attr']);
  const { evaluate } = compile(left);
  const name = textOf(attr);
  return { evaluate: (ask) => attributeOf(evaluate(ask), name, ask) };
};

function attributeOf(value: Value, name: string, ask: Ask): Value {
  if (value instanceof CedarRecord) {
    const found = value.members.get(name);
    if (found !== undefined) return found;
    throw new EvaluationError('attribute', `record does not have the attribute \`${name}\``);
  }
  if (!(value instanceof EntityUid)) throw wrongType('one of [record, (entity of type `any_entity_type`)]', value);
  const found = mustFind(value, ask).attributes.members.get(name);
  if (found !== undefined) return found;
  throw new EvaluationError('attribute', `\`${value.key}\` does not have the attribute \`${name}\``);
}

function mustFind(uid: EntityUid, { entities }: Ask): Entity {
  const entity = entities.find(uid);
  if (entity !== undefined) return entity;
  throw new EvaluationError('entity', `entity \`${uid.key}\` does not exist`);
}

/** `x has a.b.c` is true when each is there, and looks no further than the first that is not. */
const has: CompileOperator = (operand, compile) => {
  const { left, attr } = membersOf(operand, ['left', 'attr']);
  const names = (Array.isArray(attr) ? listOf(attr) : [attr]).map(textOf);
  if (names.length === 0) throw refuse('`has` names no attribute.');
  const { evaluate } = compile(left);
  return {
    evaluate: (ask) => {
      let value: Value | undefined = evaluate(ask);
      for (const name of names) {
        value = findAttribute(value, name, ask);
        if (value === undefined) return false;
      }
      return true;
    },
  };
};

function findAttribute(value: Value, name: string, { entities }: Ask): Value | undefined {
  if (value instanceof CedarRecord) return value.members.get(name);
  if (value instanceof EntityUid) return entities.find(value)?.attributes.members.get(name);
  throw wrongType('one of [record, (entity of type `any_entity_type`)]', value);
}

const getTag: CompileOperator = (operand, compile) => {
  const { left, right } = compileTwo(operand, compile);
  return {
    evaluate: (ask) => {
      const uid = left(ask);
      const name = right(ask);
      const entity = asEntity(uid);
      const tag = asString(name);
      const found = mustFind(entity, ask).tags.members.get(tag);
      if (found !== undefined) return found;
      throw new EvaluationError('tag', `\`${entity.key}\` does not have the tag \`${tag}\``);
    },
  };
};

const hasTag: CompileOperator = (operand, compile) => {
  const { left, right } = compileTwo(operand, compile);
  return {
    evaluate: (ask) => {
      const uid = left(ask);
      const name = right(ask);
      const entity = ask.entities.find(asEntity(uid));
      const tag = asString(name);
      return entity?.tags.members.get(tag) !== undefined;
    },
  };
};

const within: CompileOperator = (operand, compile) => {
  const { left, right } = compileTwo(operand, compile);
  return { evaluate: (ask) => isWithin(left(ask), right(ask), ask) };
};

/** An entity is in itself. Of a set, each item must be an entity, whether it is needed or not. */
function isWithin(value: Value, group: Value, ask: Ask): boolean {
  const uid = asEntity(value);
  if (group instanceof EntityUid) return isDescendant(uid, group, ask);
  if (!(group instanceof CedarSet)) throw wrongType('one of [set, (entity of type `any_entity_type`)]', group);
  let found = false;
  for (const item of group) found = isDescendant(uid, asEntity(item), ask) || found;
  return found;
}

export function isDescendant(uid: EntityUid, of: EntityUid, { entities }: Ask): boolean {
  return uid.key === of.key || (entities.find(uid)?.ancestors.has(of.key) ?? false);
}

/** `x is T in y` looks at `y` only when `x` is of the type. */
const is: CompileOperator = (operand, compile) => {
  const parts = membersOf(operand, ['left', 'entity_type'], ['in']);
  const type = textOf(parts['entity_type']);
  const { evaluate } = compile(parts['left']);
  if (parts['in'] === undefined) return { evaluate: (ask) => asEntity(evaluate(ask)).type === type };
  const group = compile(parts['in']).evaluate;
  return {
    evaluate: (ask) => {
      const uid = asEntity(evaluate(ask));
      return uid.type === type && isWithin(uid, group(ask), ask);
    },
  };
};

function compileTwo(operand: unknown, compile: CompileExpression): { left: Evaluate; right: Evaluate } {
  const { left, right } = twoOf(operand);
  return { left: compile(left).evaluate, right: compile(right).evaluate };
}

const variables: Readonly<Record<string, Code>> = {
  principal: { evaluate: (ask) => ask.principal },
  action: { evaluate: (ask) => ask.action },
  resource: { evaluate: (ask) => ask.resource },
  context: { evaluate: (ask) => ask.context },
};

const variable: CompileOperator = (operand) => {
  const name = textOf(operand);
  if (!Object.hasOwn(variables, name)) throw refuse(`There is no variable ${name.slice(0, 100)}.`);
  return variables[name]!;
};

export const entityOperators: Readonly<Record<string, CompileOperator>> = {
  Var: variable,
  '.': getAttribute,
  has,
  getTag,
  hasTag,
  in: within,
  is,
};
