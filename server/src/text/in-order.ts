// Searching in what stands in order.

/** How many of so many things, from the first on, something holds for; for none behind these does it hold. Found by halving. */
export function leading(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the last of so many numbers that is not above a limit, -1 for none. */
export function lastAtOrBefore(count: number, numberAt: (index: number) => number, limit: number): number {
  return leading(count, (index) => numberAt(index) <= limit) - 1;
}

/** Index of the first of some numbers that is not below a limit; their count for none. */
export function firstFrom(numbers: ArrayLike<number>, limit: number): number {
  return leading(numbers.length, (index) => numbers[index]! < limit);
}
