/**
 * `npm start -- --journey`: one employee's first day with real processes in a directory of its own, step by step, each with
 * its time and the record it left. Exits 0 when every step did what it should, else 1 with the step that did not.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DoorMode } from '#shared/contracts/knock.ts';
import type { AccessRecord } from '#shared/contracts/record.ts';
import { writeConfigs } from '../configs.ts';
import { freePorts } from '../free-ports.ts';
import { layOutPorts } from '../ports.ts';
import { Processes } from '../processes.ts';
import { StateFile } from '../state.ts';
import { steps } from './steps.ts';
import type { Walk } from './walk.ts';

export interface JourneyOptions {
  readonly portBase: number | undefined;
  readonly json: boolean;
  readonly door: DoorMode;
}

export async function runJourney({ portBase, json, door }: JourneyOptions): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-journey-'));
  const state = new StateFile(dir);
  const ports = portBase === undefined ? await freePorts() : layOutPorts(portBase);
  writeConfigs(state, ports, { keepFacts: false, door });
  const failures: string[] = [];
  const processes = new Processes((name, why) => failures.push(`${name} ${why}`));
  const walk: Walk = { triangle: { state, ports, processes } };
  const say = (line: string) => void (json || process.stdout.write(`${line}\n`));
  let code = 0;
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => reject(new Error(signal)));
  });
  interrupted.catch(() => {});
  for (const { name, run } of steps) {
    const began = performance.now();
    try {
      const told = await Promise.race([run(walk), interrupted]);
      if (failures.length > 0) throw new Error(failures.join('\n'));
      const ms = Math.round(performance.now() - began);
      const record = await newestRecord(walk);
      say(`ok    ${name}  (${ms} ms)`);
      for (const line of told) say(`      ${line}`);
      if (record !== undefined) say(`      record: ${describe(record)}`);
      if (json) process.stdout.write(`${JSON.stringify({ step: name, ok: true, ms, told, record })}\n`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      say(`FAIL  ${name}\n      ${why}\n      the logs are in ${state.path('logs')}`);
      if (json) process.stdout.write(`${JSON.stringify({ step: name, ok: false, why, logs: state.path('logs') })}\n`);
      code = 1;
      break;
    }
  }
  await processes.stop();
  if (code === 0) rmSync(dir, { recursive: true, force: true });
  return code;
}

/** Of what was done since the last step; records of a gateway arrive within moments of the access. */
async function newestRecord(walk: Walk): Promise<AccessRecord | undefined> {
  if (walk.admin === undefined || walk.wanted === undefined) return undefined;
  const wanted = walk.wanted;
  delete walk.wanted;
  for (let look = 0; look < 40; look++) {
    const { records } = await walk.admin.records({ query: { ...wanted, limit: 1 } });
    if (records[0] !== undefined) return records[0];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no record was found for ${JSON.stringify(wanted)}`);
}

function describe(record: AccessRecord): string {
  const { kind, phase, verdict, reasons, person, app, request, status, details, trace } = record;
  const what = request === undefined ? '' : `${request.method} ${request.host}${request.path}`;
  const parts = [
    kind,
    phase,
    verdict,
    reasons.join('+'),
    person,
    app,
    what,
    status,
    details && JSON.stringify(details),
  ];
  return `${parts.filter((part) => part !== undefined && part !== '').join(' ')} trace=${trace.slice(0, 8)}`;
}
