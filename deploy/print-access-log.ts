/** Writes docs/access-log.md out of the tables in the code; `npm run docs` runs it and `test/catalogue.test.ts` fails when they disagree. */
import { join } from 'node:path';
import { personalFields, recordFields } from '#shared/contracts/record.ts';
import { alarms, recordEvents } from '#shared/contracts/record-events.ts';

export const accessLogFile = join(import.meta.dirname, '../docs/access-log.md');

const code = (word: string) => `\`${word}\``;

export function makeAccessLog(): string {
  const personal = new Set<string>(personalFields);
  const fields = Object.entries(recordFields).map(([name, about]) => {
    const isPersonal = personal.has(name.replace('request.', ''));
    return `| ${code(name)} | ${isPersonal ? 'yes' : ''} | ${about} |`;
  });
  const kinds = Object.entries(recordEvents).flatMap(([kind, { about, events }]) => [
    `### ${code(kind)}`,
    '',
    about,
    '',
    ...(Object.keys(events).length === 0 ? [] : ['| event | when, and its details |', '| --- | --- |']),
    ...Object.entries(events).map(
      ([event, what]) => `| ${code(event)} | ${alarms.has(event) ? '**Alarm.** ' : ''}${what} |`,
    ),
    ...(Object.keys(events).length === 0 ? [] : ['']),
  ]);
  return `# The access log

Made by \`npm run docs\` out of the tables in the code and of \`deploy/print-access-log.ts\`. Do not edit.

## What a record is

Everything that Postern decides, gives, takes back or changes is one record of one shape. What is hashed into the log's tree is the record's
**leaf**: one line of JSON with everything that is not personal, the names of the personal fields (\`hidden\`) and a digest of each (\`_sd\`). The personal
fields stand beside it as **disclosures** in the form of SD-JWT (RFC 9901 section 4.2): the base64url of the JSON \`[salt, name, value]\`, with 128 random bits of
salt; the digest is the base64url of the SHA-256 of that text. A leaf that is in the tree proves what it says and, with a disclosure, what that says;
without the disclosure it proves that something was said, and tells nothing of it. Columns to search by follow from both, and \`posternctl log verify\` compares them.
How it is searched: [searching.md](searching.md).

Commitments and not encryption, because search needs the values in the clear anyway: erasing takes them away in one place, and there is no key to lose.

## Fields

| field | personal | what |
| --- | --- | --- |
${fields.join('\n')}

A query or a body is never recorded. Ids of devices, sessions, grants and traces are random: once a person is erased nothing says whose they were.

## Kinds and events

${kinds.join('\n')}
## Proofs

Every record has a place in one Merkle tree (RFC 6962), within 100 ms of its commit; each second that brought some ends with tiles in
\`<state>/log/<number>/tile/\` (C2SP tlog-tiles) and a checkpoint over them, a note signed with Ed25519. The state of the tree is in the database before
anything is signed, so that no crash gives two trees.

- **Keep** key and a checkpoint where the operator of the controller cannot reach them: \`posternctl log key --checkpoint FILE\`.
- **Verify**: \`posternctl log verify --key KEY --from FILE\` compares every record, its columns and its disclosures, and every tile with the tree, and the tree with
  what you kept. It names leaf, record or tile, and ends with 1 when anything is not as it was written. Without a controller: \`posternctl log snapshot DIR\`, carry it away,
  \`posternctl log verify --files DIR --key KEY --from FILE\`; or on its host \`posternctl log verify --state DIR\`. What searches go by is compared with the records too ([searching.md](searching.md)).
- **Prove** a record, or every record of a trace: \`posternctl log prove ID|TRACE [--to DIR] [--without person,path]\` writes for each a file (C2SP tlog-proof) with the leaf, the personal fields that you choose, the path up to the root and
  the checkpoint. Whoever gets it needs the public key, from elsewhere: \`posternctl log check-proof FILE --key KEY\`, or with Node alone, \`posternctl log verifier DIR\`, then
  \`node DIR/check-proof.mjs FILE --key KEY\`.
- **Over HTTP**: \`services.log: tree\` serves checkpoint and tiles at \`https://<services>/log/<number>/\` to anybody, \`entries\` the leaves too, in which nothing is personal.
- **Gateways keep it too**: each pins the log's key with its enrolment, asks for the newest checkpoint every ten seconds, with the proof that it goes on from the one that it keeps, and keeps only such. One that
  does not is an alarm: in its log, as a record (\`log-inconsistent\`), in its metrics (\`postern_gateway_log_inconsistent\`) and health, with both notes as evidence in \`<its state>/log/evidence/\`, until an operator
  of the gateway ends it (\`postern-gateway log settle\`). \`postern-gateway log show --checkpoint FILE\` gives the checkpoint to an auditor. The controller learns what they keep (\`posternctl log known\`), and signs nothing
  from the moment on in which one keeps what its log does not go on from (\`log-contradicted\`).
- **Outside**: \`posternctl log anchor add NAME file|syslog|url|witness\` lets the newest checkpoint go to a place at its own pace, and when the controller stops (of several controllers on one store one goes). A file is \`<state>/anchors/NAME.jsonl\`, only ever appended to: mount
  there what the controller can append to and not change. A URL gets the note by POST, syslog a message whose JSON holds it, neither where no stream may go. A place that fails for fifteen minutes is an alarm (\`anchor-failing\`); \`posternctl log anchor list\`, \`log stats\`
  and \`postern_log_anchor_*\` tell how far each is behind. \`log verify --from\` reads what stands there: the file, the note, lines of syslog, and any proof.
- **Witnesses** (C2SP tlog-witness) sign a checkpoint once they have seen that the tree goes on from the one they signed last. Give a witness the key of the log, and the log the witness: \`posternctl log anchor add NAME witness --url URL
  --witness-key KEY\`. Their lines are on what is proved, exported, put in a bundle and served; \`log verify\`, \`log check-proof\` and the standalone verifier demand them with \`--witness KEY\`, once for each (of a bundle on the checkpoint of its records and on that of its manifest). A witness that has signed
  another tree, or more leaves than there are, is an alarm at once.
- **After a restore** the log signs nothing (P35). \`posternctl log resume\` waits until every gateway in service has told what it keeps, every witness has answered, and all of it, with what stands in files, is of the log's past; \`log resume CHECKPOINT\` does not wait for those that
  are silent. Where records were lost it refuses, and \`posternctl log new\` opens another log, with a key of its own: a note under both keys declares it, by which gateways follow (\`log-replaced\`), and its record \`log-opened\` names the one
  before it and the newest checkpoint that was known. The same holds for a database that is behind the checkpoint on its own disk. A gateway that knows a log whose key the database has lost follows it no
  further by itself: \`postern-gateway log trust KEY\`.
- A record that was **pruned** leaves its hash: proofs of all others hold. \`verify\` says how many are gone, by which prunings, and whether those are the ones
  that the records of the prunings name ([operations.md](operations.md)). In bundles of leaves it has the length 0.

## Merging

Nothing is dropped. What is merged says how many it stands for (\`count\`), by these rules alone:

- Equal refusals of one device, or of one stranger's network, for the same app and reasons: the first 50 in a second are records of their own, the rest of that
  second are one, which is the last of them. Of all strangers together the first 200 in a second; the rest are one for each reasons.
- While the spool has no room for refusals (a quarter of it is theirs) they are one record for each reasons, every ten seconds.
- What ran is never merged: each access has its opening and its closing record. A stream has one more every five minutes.
- At the controller equal refused calls of one device are one record a minute, and its requests beyond the budget of grants one a second. The next one counts those that came since.
- Pages of one search are one reading, and so is the same search again within a minute; following is one an hour.

## Erasing a person

\`posternctl person erase ID --reason TEXT\`, by an owner or an administrator who stands above the person, once the person is removed
(\`posternctl person remove ID\`) and no gateway needs to know of it any more (about five minutes). It refuses while a legal hold keeps them, and names it.

- Of each record of theirs (by person, or by a device of theirs) every disclosure goes, except the name of an administrator who acted; of each record of what they did to others,
  that it was they and from where; of everybody else's records \`details\` and \`because\` that name them. The columns go with them, and the digest of what a gateway delivered.
  The index of search forgets them too, before it is told that the erasing is done.
- Their snapshots of facts, devices, sessions, posture and their name in the store go. Who made a policy version or a draft reads \`erased\`.
- Leaves stay to the byte: tree, checkpoints and proofs are as they were. A reader sees which fields are gone (\`erased\`).
- It goes on where it was stopped. It is on record twice (\`erasure-begun\`, \`erased\`) by a salted digest, not by name; \`posternctl person erasures --of ID\` tells whether an id was
  erased. The id is never given again.
- SQLite overwrites what is deleted (\`secure_delete\`), free pages are given back and the write-ahead log is emptied. What a file system or an SSD keeps of overwritten blocks is not in Postern's hands.
  On PostgreSQL old row versions stay until \`VACUUM\`, in its write-ahead log and in replicas until those are recycled.

What it does not reach, and an operator has to: backups and exports made before (after a restore of one, erase again), copies in SIEMs, process logs, texts of policies and drafts that name the person, paths of other people's
requests that contain their name, notes outside. Gateways that were away deliver later what they had recorded: it is taken in without its personal fields.
`;
}
