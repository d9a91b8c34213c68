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
  /** The first of each ID, and of each ID without a mask. */
  const byId = new Map<number, Owned<Owner>>();
  const exact = new Map<number, Owned<Owner>>();
  const masked: Owned<Owner>[] = [];
  let count = 0;
  return {
    add(stream, owner) {
      const owned = { stream, owner, order: count++ };
      if (!byId.has(stream.id)) byId.set(stream.id, owned);
      if (stream.mask !== 0) masked.push(owned);
      else if (!exact.has(stream.id)) exact.set(stream.id, owned);
    },
    ofId: (id) => byId.get(id)?.owner,
    covering: ({ id, mask }) =>
      earlier(
        mask === 0 ? exact.get(id) : undefined,
        masked.find(({ stream }) => (mask & stream.mask) === mask && ((id ^ stream.id) & ~stream.mask) === 0),
      )?.owner,
    overlapping({ id, mask }) {
      const meets = ({ stream }: Owned<Owner>): boolean => ((id ^ stream.id) & ~(stream.mask | mask)) === 0;
      let one = mask === 0 ? exact.get(id) : undefined;
      if (mask !== 0) for (const each of exact.values()) if (meets(each)) one = earlier(one, each);
      return earlier(one, masked.find(meets))?.owner;
    },
  };
}

function earlier<Owner>(one: Owned<Owner> | undefined, other: Owned<Owner> | undefined): Owned<Owner> | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.order < other.order ? one : other;
}
