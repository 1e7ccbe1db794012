/**
 * What is changed in a system so that names of our zones are asked of the agent and nothing else is: steps in order, each with what
 * takes it back. Plans are pure; apply-plan.ts carries them out.
 */

/** A program and its arguments, without a shell. */
export type Command = readonly [string, ...string[]];

export type Step =
  /** A file of ours alone, which must not be there before. It is taken back while it still reads so. */
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  /** `undo` may fail where the step was never done. */
  | { readonly kind: 'run'; readonly command: Command; readonly undo?: Command };

export interface Plan {
  /** `systemd-resolved`, `/etc/resolver`, `NRPT`. */
  readonly how: string;
  readonly steps: readonly Step[];
  /** Paths that must not be there: they would be somebody else's. */
  readonly absent: readonly string[];
  /** Ends with 0 where something of that kind is there that is not ours. */
  readonly conflict?: Command;
}

export interface Wanted {
  /** Lower case, without dots at the ends. */
  readonly zones: readonly string[];
  readonly server: { readonly host: string; readonly port: number };
}
