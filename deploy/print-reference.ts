/**
 * Writes docs/reference.md out of the tables in the code: error codes, reasons, options, posture facts. `npm run docs` runs
 * it; `test/catalogue.test.ts` fails when the file and the tables disagree.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeConfig } from '#shared/base/config-docs.ts';
import { errorTable } from '#shared/base/errors.ts';
import { postureFacts } from '#shared/contracts/posture.ts';
import { allowReasons, denyReasons } from '#shared/contracts/reasons.ts';
import { agentConfig } from '../client-agent/config.ts';
import { controllerConfig } from '../controller/config.ts';
import { lints } from '../controller/policy/lints/index.ts';
import { gatewayConfig } from '../gateway/config.ts';
import { accessLogFile, makeAccessLog } from './print-access-log.ts';
import { makeSiemDocument, siemFile } from './print-siem-mapping.ts';

export const referenceFile = join(import.meta.dirname, '../docs/reference.md');

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const code = (word: string) => `\`${word}\``;

export function makeReference(): string {
  const errors = Object.entries(errorTable).map(([name, { status, next, title }]) => [
    code(name),
    String(status),
    code(next),
    title,
  ]);
  const allows = Object.entries(allowReasons).map(([name, meaning]) => [code(name), 'allow', meaning]);
  const denies = Object.entries(denyReasons).map(([name, meaning]) => [code(name), 'deny', meaning]);
  const facts = Object.entries(postureFacts).map(([name, fact]) => [
    code(name),
    fact.kind,
    code(JSON.stringify(fact.worst)),
    `${fact.ttl}`,
    fact.meaning,
  ]);
  const lintRows = lints.map(({ id, severity, about }) => [code(id), severity, about]);
  return `# Reference

Made by \`npm run docs\` out of the tables in the code. Do not edit.

## Error codes

What a problem document (RFC 9457) carries as \`code\` and \`next\`, on every edge.

${table(['code', 'status', 'next', 'title'], errors)}

## Reasons

What a record carries as the reasons of its verdict.

${table(['reason', 'verdict', 'meaning'], [...allows, ...denies])}

## Posture facts

What a policy reads as \`context.device.<fact>\`. A fact that failed, is unknown or is older than its time to live has its worst value.

${table(['fact', 'kind', 'worst value', 'good for (s)', 'meaning'], facts)}

## Lints of policies

What publishing warns of; [the guide](policy-guide.md) shows policies that keep to it. \`@allow("its-name")\` on a policy silences a warning for that policy; an error stops publishing.

${table(['lint', 'severity', 'meaning'], lintRows)}

## Options of postern-controller

${describeConfig(controllerConfig)}

## Options of postern-gateway

${describeConfig(gatewayConfig)}

## Options of postern (the agent)

${describeConfig(agentConfig)}
`;
}

if (import.meta.main) {
  writeFileSync(referenceFile, makeReference());
  writeFileSync(accessLogFile, makeAccessLog());
  writeFileSync(siemFile, makeSiemDocument());
}
