/** A guide in Markdown as a machine reads it: files to be written, and commands with what they print, in their order. */

export interface GuideFile {
  readonly kind: 'file';
  readonly line: number;
  /** Named in the first line of the block: `// policies/wiki.cedar`. */
  readonly name: string;
  readonly text: string;
}

export interface GuideCommand {
  readonly kind: 'command';
  /** In the guide, counted from 1. */
  readonly line: number;
  /** As typed at the prompt, lines joined that ended in a backslash. */
  readonly typed: string;
  /** A last line like `[1]` is the exit code, when it is not 0. */
  readonly expected: readonly string[];
  /** Of the expected lines in the guide, from 0; the second is not of them any more. */
  readonly from: number;
  readonly to: number;
}

export interface GuideSetUp {
  readonly kind: 'set-up';
  readonly line: number;
  readonly text: string;
}

export type GuideStep = GuideFile | GuideCommand | GuideSetUp;

const nameLine = /^(?:\/\/|#) ([a-z][\w./-]*\.(?:cedar|yaml|sh))$/;

/** Throws for a block that would not be run: nothing in the guide is only shown. */
export function readGuide(markdown: string): GuideStep[] {
  const lines = markdown.split('\n');
  const steps: GuideStep[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const language = /^```(\w*)$/.exec(lines[at]!)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    if (end < 0) throw new Error(`the block in line ${at + 1} does not end`);
    const block = lines.slice(at + 1, end);
    const name = nameLine.exec(block[0] ?? '')?.[1];
    if (name !== undefined) steps.push({ kind: 'file', line: at + 2, name, text: `${block.join('\n')}\n` });
    else if (language === 'console') steps.push(...readConsole(block, at + 1));
    else if (language === 'sh') steps.push({ kind: 'set-up', line: at + 2, text: block.join('\n') });
    else throw new Error(`the block in line ${at + 1} is neither a named file, nor commands`);
    at = end;
  }
  return steps;
}

function readConsole(block: readonly string[], first: number): GuideCommand[] {
  const starts = block.flatMap((text, at) => (text.startsWith('$ ') ? [at] : []));
  if (starts[0] !== 0) throw new Error(`the block in line ${first} does not begin with a command`);
  return starts.map((start, at) => {
    const end = starts[at + 1] ?? block.length;
    let typed = start;
    while (block[typed]!.endsWith('\\')) typed += 1;
    const command = block
      .slice(start, typed + 1)
      .map((text) => text.replace(/\\$/, '').trim())
      .join(' ');
    return {
      kind: 'command',
      line: first + start + 1,
      typed: command.slice(2),
      expected: block.slice(typed + 1, end),
      from: first + typed + 1,
      to: first + end,
    };
  });
}
