// iasl looks through a file line by line, comments and all, for the word that begins ASL (AslDetectSourceFileType).

export const aslWord = 'DefinitionBlock';
const anySpelling = /DefinitionBlock/i;

/** Where the word first stands in each comment (start, end, …) and each line without a meaning. */
export function aslWordsIn(
  text: string,
  comments: Int32Array,
  meaningless: readonly { readonly start: number; readonly end: number }[],
): number[] {
  const found: number[] = [];
  const lookIn = (from: number, to: number): void => {
    const at = to - from < aslWord.length ? -1 : text.slice(from, to).search(anySpelling);
    if (at >= 0) found.push(from + at);
  };
  for (let index = 0; index < comments.length; index += 2) lookIn(comments[index]!, comments[index + 1]!);
  for (const { start, end } of meaningless) lookIn(start, end);
  return found.sort((a, b) => a - b);
}
