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
  const deadline = new Deadline({
    onDue: () => {
      due += 1;
    },
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
  const deadline = new Deadline({
    onDue: () => {
      due += 1;
    },
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

t.test('one timer serves many, and each falls due by its own moment', async (t) => {
  const due: string[] = [];
  const make = (name: string, then = () => {}) =>
    new Deadline({
      onDue: () => {
        due.push(name);
        then();
      },
    });
  const cleared = make('cleared by another');
  const again = make('set by another');
  const far = make('far');
  far.set(300_000);
  make('soon', () => {
    cleared.clear();
    again.set(40);
  }).set(30);
  cleared.set(30);
  make('later').set(500);
  pass(30);
  t.same(due, ['soon']);
  pass(70);
  t.same(due, ['soon', 'set by another']);
  pass(450);
  t.same(due, ['soon', 'set by another', 'later']);
  far.clear();
  pass(300_000);
  t.same(due.length, 3);
});
