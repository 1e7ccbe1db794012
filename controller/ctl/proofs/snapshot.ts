/** `posternctl log snapshot`: the log as files. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Value } from 'typebox/value';
import type { CliCommand } from '#shared/base/cli.ts';
import { PosternError } from '#shared/base/errors.ts';
import { logFile } from '#shared/contracts/admin-proofs.ts';
import { parseTilePath } from '#shared/log/tile-path.ts';
import { readNdjson } from '#shared/wire/ndjson.ts';
import { withAdmin } from '../connect.ts';
import { answerDone } from '../show.ts';

const maxLine = 64 * 1024 * 1024;

export const snapshot: CliCommand = {
  about: 'Leaves, tiles and checkpoint as files, to be verified anywhere',
  args: '<dir>',
  help: `The files are named as C2SP tlog-tiles has it. Nothing personal is in them: of persons, addresses and paths they hold salted
digests. Check them with: posternctl log verify --files DIR --key KEY.`,
  run: (call) =>
    withAdmin(call, async (admin) => {
      const dir = call.args[0]!;
      mkdirSync(dir, { recursive: true });
      if (readdirSync(dir).length > 0) throw new PosternError('conflict', `${dir} is not empty`);
      let files = 0;
      let whole = false;
      for await (const line of readNdjson(await admin.exportLog({ timeoutMs: 3_600_000 }), { maxLine })) {
        if (!Value.Check(logFile, line))
          throw new PosternError('bad-answer', 'the controller sent something that is no file');
        // A name out of the table only: nothing is written anywhere else.
        if (line.path !== 'checkpoint' && parseTilePath(line.path) === undefined) {
          throw new PosternError('bad-answer', 'the controller named a file that no log has');
        }
        const file = join(dir, line.path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, Buffer.from(line.bytes, 'base64'));
        files += 1;
        whole = line.path === 'checkpoint';
      }
      if (!whole) throw new PosternError('bad-answer', 'the log was cut short: the log of the controller says why');
      answerDone(call, { dir, files }, `${files} files are in ${dir}.`);
    }),
};
