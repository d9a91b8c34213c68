/** A column of 32-bit integers that grows. */
export class Growing {
  count = 0;
  #values = new Int32Array(1024);

  push(value: number): void {
    if (this.count === this.#values.length) {
      const larger = new Int32Array(2 * this.count);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.count++] = value;
  }

  /** What was pushed. */
  done(): Int32Array {
    return this.#values.subarray(0, this.count);
  }
}
