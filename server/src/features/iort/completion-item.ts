// A choice at a place in a table's text.

export interface Completion {
  readonly label: string;
  readonly detail: string;
  readonly documentation: string;
  readonly kind: 'field' | 'structure' | 'value' | 'node';
  /** What is replaced. */
  readonly start: number;
  readonly end: number;
  /** Parts of what is inserted; an open one is for the author to fill in, and is selected where the client can do that. */
  readonly insert: readonly { readonly text: string; readonly isOpen: boolean }[];
  /** What the author types to find it. */
  readonly filter: string;
  /** Among its like, the first is offered first. */
  readonly isLikely: boolean;
  /** Changes elsewhere that belong to it. */
  readonly further: readonly { readonly start: number; readonly end: number; readonly newText: string }[];
}
