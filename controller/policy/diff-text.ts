/** Two texts as a unified diff: Myers' greedy algorithm by lines, with three lines around each change. */

const around = 3;
/** Texts with more differences than this are shown as replaced whole. */
const mostEdits = 1500;

/** Empty when they are the same. `undefined` for a file that is not there. */
export function diffText(name: string, before: string | undefined, after: string | undefined): string[] {
  if (before === after) return [];
  const [a, b] = [linesOf(before), linesOf(after)];
  const edits = findEdits(a, b) ?? [
    ...a.map((_, at): Edit => ['-', at, 0]),
    ...b.map((_, at): Edit => ['+', a.length, at]),
  ];
  const head = [
    `--- ${before === undefined ? '/dev/null' : `a/${name}`}`,
    `+++ ${after === undefined ? '/dev/null' : `b/${name}`}`,
  ];
  return [...head, ...hunksOf(edits, a, b)];
}

function linesOf(text: string | undefined): string[] {
  if (text === undefined || text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** What is done, at which line of the former text, with which line of the new one. */
type Edit = readonly [how: ' ' | '-' | '+', a: number, b: number];

function findEdits(a: readonly string[], b: readonly string[]): Edit[] | undefined {
  const most = Math.min(a.length + b.length, mostEdits);
  const reach = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let d = 0; d <= most; d += 1) {
    trace.push(new Map(reach));
    for (let k = -d; k <= d; k += 2) {
      const isDown = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = isDown ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length);
    }
  }
  return undefined;
}

function walkBack(trace: readonly Map<number, number>[], endA: number, endB: number): Edit[] {
  const edits: Edit[] = [];
  let [x, y] = [endA, endB];
  for (let d = trace.length - 1; d >= 0; d -= 1) {
    const reach = trace[d]!;
    const k = x - y;
    const isDown = k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const beforeK = isDown ? k + 1 : k - 1;
    const beforeX = reach.get(beforeK) ?? 0;
    const beforeY = beforeX - beforeK;
    while (x > beforeX && y > beforeY) edits.push([' ', --x, --y]);
    if (d === 0) break;
    edits.push(isDown ? ['+', x, beforeY] : ['-', beforeX, y]);
    [x, y] = [beforeX, beforeY];
  }
  return edits.reverse();
}

function hunksOf(edits: readonly Edit[], a: readonly string[], b: readonly string[]): string[] {
  const lines: string[] = [];
  const isNear = edits.map(() => false);
  edits.forEach(([how], at) => {
    if (how === ' ') return;
    for (let near = Math.max(0, at - around); near <= Math.min(edits.length - 1, at + around); near += 1)
      isNear[near] = true;
  });
  for (let at = 0; at < edits.length; ) {
    if (!isNear[at]) {
      at += 1;
      continue;
    }
    let end = at;
    while (end < edits.length && isNear[end]) end += 1;
    const hunk = edits.slice(at, end);
    const count = (not: '-' | '+') => hunk.filter(([how]) => how !== not).length;
    const [, firstA, firstB] = hunk[0]!;
    lines.push(`@@ -${range(firstA, count('+'))} +${range(firstB, count('-'))} @@`);
    for (const [how, inA, inB] of hunk) lines.push(`${how}${how === '+' ? b[inB] : a[inA]}`);
    at = end;
  }
  return lines;
}

/** An empty range is told by the line before it. */
const range = (first: number, count: number): string => `${count === 0 ? first : first + 1},${count}`;
