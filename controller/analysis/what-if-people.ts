/**
 * What would be decided for many people, each on the device last seen, with their last real posture and session: by the
 * version in force, and by a draft beside it.
 */
import type { OneExplained, PeopleGroup, WhatIfPeopleResult } from '#shared/contracts/admin-analysis.ts';
import type { App } from '#shared/contracts/app.ts';
import type { PostureCheck } from '#shared/contracts/posture.ts';
import { appFacts } from '../grants/load-facts.ts';
import type { Facts, Question } from '../policy/facts.ts';
import { findFixes } from '../policy/fixes.ts';
import { judgePartly, type PartVerdict } from '../policy/judge-partly.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { shiftFacts } from '../policy/shift-facts.ts';
import { signedInLike, withFactorAge } from '../policy/supposed-session.ts';
import { readPostureSettings } from '../posture/posture-settings.ts';
import { explainQuestion } from '../publishing/explain-question.ts';
import type { Db } from '../store/open-store.ts';
import { type KnownDevice, loadPeople, type PeopleWanted } from './load-people.ts';
import { type PartRequest, partRequest, type RequestWanted } from './part-request.ts';
import type { OnProgress } from './replay.ts';

export interface WhatIfPeopleOrder extends PeopleWanted, RequestWanted {
  /** One, or all: then only what changes is listed, or without a draft who is denied. */
  readonly apps: readonly App[];
  readonly listsAll: boolean;
  /** The one person's verdict on the one app, unless only part of the request is known. */
  readonly explains?: boolean;
  /** Milliseconds: now, and the moment supposed. Facts keep the age they have now. */
  readonly now: number;
  readonly at: number;
  /** Negative: never. As in the last session unless told. */
  readonly secondFactorAgeSeconds?: number | undefined;
}

export interface Sets {
  readonly inForce: PolicySet | undefined;
  readonly draft: PolicySet | undefined;
}

export async function whatIfPeople(
  db: Db,
  order: WhatIfPeopleOrder,
  sets: Sets,
  onProgress: OnProgress = () => {},
): Promise<WhatIfPeopleResult> {
  const { checks } = await readPostureSettings(db);
  const asked = order.apps.map((app) => ({ app, part: partRequest(app, order) }));
  const outcome = new Outcome(order, sets, checks);
  const withoutDevice: string[] = [];
  let people = 0;
  for await (const page of loadPeople(db, order)) {
    for (const { person, devices } of page.people) {
      people += 1;
      const [device] = devices;
      if (device === undefined) withoutDevice.push(person.id);
      else outcome.add(supposeSession(device, order), asked);
    }
    await onProgress(page.done, page.total);
  }
  return { at: order.at, draft: sets.draft !== undefined, people, withoutDevice, ...outcome.sums() };
}

interface Asked {
  readonly app: App;
  readonly part: PartRequest;
}

class Outcome {
  readonly #order: WhatIfPeopleOrder;
  readonly #sets: Sets;
  readonly #checks: readonly PostureCheck[];
  readonly #denied = new Set<string>();
  readonly #lose = new Set<string>();
  readonly #gain = new Set<string>();
  readonly #groups = new Map<string, PeopleGroup>();
  #one: OneExplained | undefined;

  constructor(order: WhatIfPeopleOrder, sets: Sets, checks: readonly PostureCheck[]) {
    this.#order = order;
    this.#sets = sets;
    this.#checks = checks;
  }

  add(facts: Facts, asked: readonly Asked[]): void {
    const { inForce, draft } = this.#sets;
    const person = facts.person.id;
    for (const { app, part } of asked) {
      const act = app.kind === 'http' ? 'request' : 'connect';
      const question: Question = { facts, app: appFacts(app), act, request: part.request, at: this.#order.at };
      const missing = new Set(part.missing);
      const before = judge(inForce, question, missing);
      const after = draft === undefined ? before : judge(draft, question, missing);
      const isDenied = after.verdict === 'deny';
      const change =
        (before.verdict === 'deny') === isDenied ? (isDenied ? 'deny' : 'allow') : isDenied ? 'lose' : 'gain';
      if (isDenied) this.#denied.add(person);
      if (change === 'lose') this.#lose.add(person);
      if (change === 'gain') this.#gain.add(person);
      const isListed = this.#order.listsAll || (draft === undefined && isDenied);
      if (isListed || change === 'lose' || change === 'gain') {
        const fix = isDenied ? findFixes(draft ?? inForce, question, this.#checks)[0]?.text : undefined;
        this.#group({ app: app.id, change, ...shown(after), ...(fix === undefined ? {} : { fix }) }, person);
      }
      if (this.#order.explains && (part.request === undefined || part.missing.length === 0))
        this.#one = this.#explain(app, question);
    }
  }

  sums(): Pick<WhatIfPeopleResult, 'denied' | 'lose' | 'gain' | 'groups' | 'one'> {
    const groups = [...this.#groups.values()].sort((a, b) => b.people.length - a.people.length);
    const sizes = { denied: this.#denied.size, lose: this.#lose.size, gain: this.#gain.size };
    return { ...sizes, groups, ...(this.#one === undefined ? {} : { one: this.#one }) };
  }

  #explain(app: App, question: Question): OneExplained {
    const found = explainQuestion(this.#sets.draft ?? this.#sets.inForce, question, app, this.#checks);
    const { verdict, use, fixes, explanation } = found;
    return { verdict, ...(use === undefined ? {} : { use }), fixes: [...fixes], explanation };
  }

  #group(group: Omit<PeopleGroup, 'people'>, person: string): void {
    const key = JSON.stringify(group);
    const known = this.#groups.get(key);
    if (known === undefined) this.#groups.set(key, { ...group, people: [person] });
    else known.people.push(person);
  }
}

function judge(set: PolicySet | undefined, question: Question, missing: ReadonlySet<string>): PartVerdict {
  if (set === undefined) return { verdict: 'deny', reasons: ['policy-unavailable'], policies: [], missing: [] };
  return judgePartly(set, question, missing);
}

/** What depends on the request is allowed as far as anybody can tell without one. */
function shown({ verdict, reasons, policies }: PartVerdict): Pick<PeopleGroup, 'reason' | 'policies'> {
  return { reason: verdict === 'unknown' ? 'policy-permit' : (reasons[0] ?? ''), policies: [...policies] };
}

/**
 * Who is signed in stays so, at the age they have. Who is not will sign in as they did last, which asks for every factor anew;
 * who never was, with a password.
 */
function supposeSession({ facts, lastSession }: KnownDevice, order: WhatIfPeopleOrder): Facts {
  const { now, at, secondFactorAgeSeconds: age } = order;
  const live = facts.session !== null && facts.session.endsAt > now ? facts.session : null;
  const moved = shiftFacts({ ...facts, session: live }, at - now, at);
  return { ...moved, session: withFactorAge(moved.session ?? signedInLike(lastSession, at), age, at) };
}
