/** A controller with a log of records that hurt, and what tests of its streams ask. */
import type { Test } from 'tap';
import type { NewLogStream } from '#shared/contracts/admin-log-streams.ts';
import { recordRow } from '../../../controller/log/record-row.ts';
import { untilItWorks } from '../../../deploy/quickstart/clients.ts';
import { nastyRecords } from '../../support/nasty-records.ts';
import { type RunController, runController } from './run-controller.ts';

export async function withLog(t: Test, howMany: number) {
  const controller = await runController(t);
  await fillLog(controller, howMany, 1);
  const admin = controller.as({ reason: 'test' });
  const ids = async () =>
    (await controller.store.db.selectFrom('records').select('id').orderBy('position').execute()).map(({ id }) => id);
  const add = (body: Omit<NewLogStream, 'name'> & { name?: string }) =>
    admin.addLogStream({ body: { name: body.kind, since: 0, ...body } });
  const shown = async (name: string) => (await admin.logStream({ params: { name } })).stream;
  const until = (name: string, what: (stream: Awaited<ReturnType<typeof shown>>) => boolean) =>
    untilItWorks(async () => {
      const stream = await shown(name);
      if (!what(stream)) throw new Error(JSON.stringify(stream));
      return stream;
    }, 40_000);
  return { controller, admin, ids, add, shown, until };
}

export async function fillLog({ store }: RunController, howMany: number, seed: number): Promise<void> {
  await store.db.transaction().execute(async (trx) => {
    // Answers keep to the contract: ids of people are plain words.
    for (const record of nastyRecords(howMany, seed))
      await trx
        .insertInto('records')
        .values(recordRow({ ...record, person: 'ann' }))
        .execute();
  });
}
