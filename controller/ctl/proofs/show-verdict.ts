/** What a verification found, for people and as JSON. */
import type { CliCall } from '#shared/base/cli.ts';
import { safeText } from '#shared/base/print-table.ts';
import type { IndexFault, IndexVerdict, LogVerdict } from '#shared/contracts/admin-proofs.ts';
import type { OpenedCheckpoint } from '#shared/log/checkpoint.ts';
import { plural, when } from '../show.ts';

/** The newest; with --json there are all. */
const shownPrunings = 20;

/** The exit code: 1 when anything is not as it was written. */
export function answerVerdict(call: CliCall, verdict: LogVerdict, kept: readonly OpenedCheckpoint[]): number {
  const { origin, size, pruned, prunings, erased, faults, more, index } = verdict;
  const whole = faults.length === 0;
  const indexWhole = index === undefined || index.faults.length === 0;
  const code = whole && indexWhole ? 0 : 1;
  if (call.json) {
    call.io.out(JSON.stringify({ whole, ...verdict, checkpoints: kept.map((one) => one.size) }));
    return code;
  }
  const out = (line: string) => call.io.out(safeText(line));
  for (const { leaf, record, tile, what } of faults) {
    const place = [leaf === undefined ? '' : `leaf ${leaf}`, record ?? '', tile ?? '']
      .filter((word) => word !== '')
      .join(' ');
    out(place === '' ? what : `${place}: ${what}`);
  }
  if (more > 0) out(`... and ${more} more`);
  for (const one of prunings.slice(-shownPrunings)) {
    if (one.begun === true) {
      out(
        `${plural(one.leaves, 'record')} went, by the pruning that ${one.record} of ${when(one.time)} began or a later one`,
      );
      continue;
    }
    const by = one.record === undefined ? 'which is under way' : `as ${one.record} of ${when(one.time)} says`;
    out(`${plural(one.leaves, 'record')} went by pruning ${one.pruning}, ${by}`);
  }
  const rest = [
    pruned > 0
      ? `${plural(pruned, 'record')} pruned${prunings.length > 0 ? ` by ${plural(prunings.length, 'pruning')} on record` : ''}`
      : '',
    erased > 0 ? `${plural(erased, 'record')} with erased values` : '',
    kept.length > 0 ? `it goes on from ${plural(kept.length, 'checkpoint')}` : '',
  ].filter((word) => word !== '');
  if (whole) out([`${origin} is whole: ${size} leaves`, ...rest].join('; '));
  else out(`${origin} is NOT whole: ${plural(faults.length + more, 'fault')} in ${size} leaves.`);
  if (index !== undefined) for (const line of indexLines(index)) out(line);
  return code;
}

function indexLines({ blocks, compared, records, through, faults, more, mended }: IndexVerdict): string[] {
  const share =
    compared === blocks
      ? `${plural(records, 'record')}, all that it knows`
      : `${plural(records, 'record')} in ${compared} of ${plural(blocks, 'block')} (--index whole: all)`;
  if (faults.length > 0) {
    const end = mended
      ? 'It is made anew there, which is on record (index-mended).'
      : 'A controller that starts with it makes it anew once it is verified there, or when its file is removed.';
    return [
      ...faults.map(indexFault),
      ...(more > 0 ? [`... and ${more} more of the index`] : []),
      `The index of search is NOT what the records say: searches did not find all, or counted wrong. ${end}`,
    ];
  }
  if (blocks === 0) return ['The index of search has no block yet: records are searched without it.'];
  if (compared === 0)
    return [`Of the index of search nothing could be compared: it changed meanwhile (up to position ${through}).`];
  return [`The index of search says what they say: ${share}`];
}

function indexFault({ first, last, position, record, what }: IndexFault): string {
  const block = first === undefined ? '' : ` block ${first}${last === undefined ? '' : ` to ${last}`}`;
  const place = position === undefined ? '' : `, ${record ?? 'no record'} at position ${position}`;
  return `index${block}${place}: ${what}`;
}
