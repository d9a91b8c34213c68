// A text as an edit leaves it, without a copy of all of it: megabytes are put together only when somebody asks for them.

/** A text that is whole. One object stands for it wherever it was edited. */
export interface WholeText {
  readonly text: string;
}

/** So much is put in at most before the text is made whole: looking at it is to cost little. */
const mostPut = 1 << 16;

/** A whole text with something else in place of one part of it. */
export class EditedText<Whole extends WholeText = WholeText> {
  readonly length: number;

  /** From `start` to before `end` of the whole text stands `put`. */
  private constructor(
    readonly whole: Whole,
    readonly start: number,
    readonly end: number,
    readonly put: string,
  ) {
    this.length = whole.text.length - (end - start) + put.length;
  }

  static of<Of extends WholeText>(whole: Of): EditedText<Of> {
    return new EditedText(whole, 0, 0, '');
  }

  /** With something else from `start` to before `end`; undefined where so much was edited that it is better made whole. */
  edited(start: number, end: number, newText: string): EditedText<Whole> | undefined {
    if (this.#isUnedited())
      return newText.length > mostPut ? undefined : new EditedText(this.whole, start, end, newText);
    const from = Math.min(start, this.start);
    const to = Math.max(end, this.start + this.put.length);
    if (to - from - (end - start) + newText.length > mostPut) return undefined;
    const put = this.slice(from, start) + newText + this.slice(end, to);
    return new EditedText(this.whole, from, to - this.length + this.whole.text.length, put);
  }

  /** As that of strings, for offsets from 0. */
  slice(from: number, to: number): string {
    if (to <= from) return '';
    const { text } = this.whole;
    const behind = this.start + this.put.length;
    if (to <= this.start) return text.slice(from, to);
    const moved = this.end - behind;
    if (from >= behind) return text.slice(from + moved, to + moved);
    const before = from < this.start ? text.slice(from, this.start) : '';
    const after = to > behind ? text.slice(this.end, to + moved) : '';
    return before + this.put.slice(Math.max(from - this.start, 0), to - this.start) + after;
  }

  /** All of it, in one piece. */
  join(): string {
    const { text } = this.whole;
    return text.slice(0, this.start) + this.put + text.slice(this.end);
  }

  /** Where both differ, if they are edits of one text: outside of these parts they are equal. */
  apartFrom(other: EditedText): Difference | undefined {
    if (this.whole !== other.whole) return undefined;
    const [one, two] = [this.#isUnedited() ? other : this, other.#isUnedited() ? this : other];
    const start = Math.min(one.start, two.start);
    const behind = this.whole.text.length - Math.max(one.end, two.end);
    return { start, end: this.length - behind, otherEnd: other.length - behind };
  }

  #isUnedited(): boolean {
    return this.start === this.end && this.put === '';
  }
}

/** Two texts differ between `start` and `end` of the one, `otherEnd` of the other. */
export interface Difference {
  readonly start: number;
  readonly end: number;
  readonly otherEnd: number;
}
