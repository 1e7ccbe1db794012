import { mock } from 'node:test';
import t from 'tap';
import { Deadline } from '#shared/wire/forward-deadline.ts';

// Both clocks are played, so that no test waits and none depends on the speed of the machine.
let now = 0;
t.before(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(performance, 'now', () => now);
});
t.teardown(() => mock.reset());

function pass(ms: number): void {
  for (let i = 0; i < ms; i += 1) {
    now += 1;
    mock.timers.tick(1);
  }
}

t.test('it falls due after its last span, however often it was moved', async (t) => {
  let due = 0;
  const deadline = new Deadline(() => {
    due += 1;
  });
  deadline.set(10);
  pass(6);
  deadline.refresh();
  pass(9);
  t.equal(due, 0, 'refreshed');
  deadline.set(30);
  pass(29);
  t.equal(due, 0, 'moved later');
  deadline.clear();
  deadline.set(100);
  deadline.set(5);
  pass(4);
  t.equal(due, 0);
  pass(1);
  t.equal(due, 1, 'moved earlier');
  pass(200);
  t.equal(due, 1, 'once');
});

t.test('0 means never, and a cleared one stays silent', async (t) => {
  let due = 0;
  const deadline = new Deadline(() => {
    due += 1;
  });
  deadline.set(10);
  deadline.set(0);
  deadline.refresh();
  pass(50);
  t.equal(due, 0);
  deadline.set(10);
  deadline.clear();
  deadline.refresh();
  pass(50);
  t.equal(due, 0);
});
