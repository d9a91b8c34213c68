// The stream IDs behind one IOMMU that have an owner. Boards have dozens of them, hostile ones tens of thousands.
import type { Stream } from './attach';

interface Owned<Owner> {
  readonly stream: Stream;
  readonly owner: Owner;
  readonly order: number;
}

export interface StreamOwners<Owner> {
  readonly add: (stream: Stream, owner: Owner) => void;
  /** The first owner of the ID, whatever the masks. */
  readonly ofId: (id: number) => Owner | undefined;
  /** The first owner of an entry that covers the whole of this one. */
  readonly covering: (stream: Stream) => Owner | undefined;
  /** The first owner of an entry that has an ID in common with this one. */
  readonly overlapping: (stream: Stream) => Owner | undefined;
}

export function newStreamOwners<Owner>(): StreamOwners<Owner> {
  /** The first of each ID; and the first without a mask, of those IDs whose first has one. */
  const byId = new Map<number, Owned<Owner>>();
  const behindMasked = new Map<number, Owned<Owner>>();
  const masked: Owned<Owner>[] = [];
  let count = 0;
  return {
    add(stream, owner) {
      const owned = { stream, owner, order: count++ };
      const first = byId.get(stream.id);
      if (first === undefined) byId.set(stream.id, owned);
      if (stream.mask !== 0) masked.push(owned);
      else if (first !== undefined && first.stream.mask !== 0 && !behindMasked.has(stream.id))
        behindMasked.set(stream.id, owned);
    },
    ofId: (id) => byId.get(id)?.owner,
    covering: ({ id, mask }) =>
      earlier(
        mask === 0 ? exact(id) : undefined,
        masked.find(({ stream }) => (mask & stream.mask) === mask && ((id ^ stream.id) & ~stream.mask) === 0),
      )?.owner,
    overlapping({ id, mask }) {
      const meets = ({ stream }: Owned<Owner>): boolean => ((id ^ stream.id) & ~(stream.mask | mask)) === 0;
      let one = mask === 0 ? exact(id) : undefined;
      if (mask !== 0) {
        for (const list of [byId, behindMasked])
          for (const each of list.values()) if (each.stream.mask === 0 && meets(each)) one = earlier(one, each);
      }
      return earlier(one, masked.find(meets))?.owner;
    },
  };

  function exact(id: number): Owned<Owner> | undefined {
    const first = byId.get(id);
    return first?.stream.mask === 0 ? first : behindMasked.get(id);
  }
}

function earlier<Owner>(one: Owned<Owner> | undefined, other: Owned<Owner> | undefined): Owned<Owner> | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.order < other.order ? one : other;
}
