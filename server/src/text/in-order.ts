// Searching in what stands in order.

/** Index of the last of so many numbers that is not above a limit, -1 for none. */
export function lastAtOrBefore(count: number, numberAt: (index: number) => number, limit: number): number {
  let low = -1;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (numberAt(middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Index of the first of some integers that is not below a limit; their count for none. */
export function firstFrom(numbers: readonly number[], limit: number): number {
  return lastAtOrBefore(numbers.length, (index) => numbers[index]!, limit - 1) + 1;
}
