import fc from 'fast-check';
import t from 'tap';
import { Bag, type Placed } from '#shared/base/bag.ts';

t.test('a bag holds what a set would, whatever comes and goes', async () => {
  const steps = fc.array(fc.record({ add: fc.boolean(), which: fc.nat(9) }), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (list) => {
      const items: Placed[] = Array.from({ length: 10 }, () => ({ place: -1 }));
      const bag = new Bag<Placed>();
      const set = new Set<Placed>();
      for (const { add, which } of list) {
        const item = items[which]!;
        if (!add) t.equal(bag.delete(item), set.delete(item));
        else if (!set.has(item)) {
          bag.add(item);
          set.add(item);
        }
      }
      t.equal(bag.size, set.size);
      for (const item of items) t.equal(item.place >= 0, set.has(item), 'whose place says whether it is there');
      t.same(new Set(bag.all()), set);
      for (const item of set) t.ok(bag.all().includes(item));
    }),
  );
});
