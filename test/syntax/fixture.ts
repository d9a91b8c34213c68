// Sources in tests, and what the parser says of them: problems as marks below the lines, trees as compact text.
import { preprocess } from '../../server/src/preprocess/preprocess';
import { tokenText, type TokenStream } from '../../server/src/preprocess/token-stream';
import { parseUnit } from '../../server/src/syntax/parse';
import type {
  CellsSyntax,
  MemberSyntax,
  NodeSyntax,
  PropertySyntax,
  SyntaxTree,
  TopLevelItem,
  ValueSyntax,
} from '../../server/src/syntax/syntax-tree';
import { visitBytes, visitCells } from '../../server/src/syntax/values';
import { positionAt, sourceFile } from '../../server/src/text/source-file';

export function tokensOf(source: string, encoding: 'utf8' | 'latin1' = 'utf8'): TokenStream {
  const host = { read: () => ({ error: 'no files here' }) };
  return preprocess(sourceFile('/test.dts', source, encoding), { includePaths: [], defines: {} }, host).tokens;
}

export function parseSource(source: string): SyntaxTree {
  return parseUnit(tokensOf(source));
}

/** The source without its marks. */
export function withoutMarks(source: string): string {
  return source
    .split('\n')
    .filter((line) => !/^\s*\/\/(?:\^+|\|) \w+\[/.test(line))
    .join('\n');
}

/**
 * A source with a mark below the line of each problem: `//^^^^ error[rule]` under the tokens that are wrong,
 * `//| error[rule] "};"` where text is missing. A mark needs two columns before it.
 */
export function withMarks(source: string): string {
  const tree = parseSource(source);
  const { tokens } = tree;
  const marks = tree.errors.map(({ rule, first, last, after, insert }) => {
    const start = after ? tokens.end[first]! : tokens.start[first]!;
    const { line, character } = positionAt(tokens.root, start);
    const end = positionAt(tokens.root, tokens.end[last]!);
    const length = end.line === line ? end.character - character : source.split('\n')[line]!.length - character;
    const mark = after ? '|' : '^'.repeat(length);
    const text = `${' '.repeat(character - 2)}//${mark} error[${rule}]`;
    return { line, text: insert === undefined ? text : `${text} ${JSON.stringify(insert)}` };
  });
  return source
    .split('\n')
    .flatMap((line, number) => [line, ...marks.filter((mark) => mark.line === number).map(({ text }) => text)])
    .join('\n');
}

/** The source after every insertion that its problems propose. */
export function withInsertions(source: string): string {
  const { tokens, errors } = parseSource(source);
  let fixed = source;
  for (const { first, insert } of [...errors].reverse()) {
    if (insert === undefined) continue;
    const at = first < 0 ? 0 : tokens.end[first]!;
    fixed = fixed.slice(0, at) + insert + fixed.slice(at);
  }
  return fixed;
}

/** One line an item, members in braces; `?` behind the name of a property that could not be read in full. */
export function printTree({ tokens, items }: SyntaxTree): string {
  return items.map(printItem).join('\n');

  function printItem(item: TopLevelItem): string {
    switch (item.kind) {
      case 'version':
      case 'plugin':
        return item.kind;
      case 'memreserve': {
        const integers = [item.address, item.size].map((integer) =>
          integer ? text(integer.first, integer.last) : '?',
        );
        return `${labels(item.labels)}memreserve ${integers.join(' ')}`;
      }
      default:
        return printMember(item);
    }
  }

  function printMember(item: MemberSyntax | TopLevelItem): string {
    switch (item.kind) {
      case 'node':
        return printNode(item);
      case 'property':
        return printProperty(item);
      case 'delete-node':
      case 'delete-property':
      case 'omit-if-no-ref':
        return `${item.kind} ${text(item.name)}`;
      default:
        return item.kind;
    }
  }

  function printNode({ labels: nodeLabels, omitIfNoRef, name, members }: NodeSyntax): string {
    const inner = members.map((member) => `${printMember(member)}; `).join('');
    return `${labels(nodeLabels)}${omitIfNoRef ? 'omit-if-no-ref ' : ''}${text(name)} { ${inner}}`;
  }

  function printProperty({ labels: propertyLabels, name, broken, values }: PropertySyntax): string {
    const value = values.length === 0 ? '' : ` = ${values.map(printValue).join(', ')}`;
    return `${labels(propertyLabels)}${text(name)}${broken ? '?' : ''}${value}`;
  }

  function printValue(value: ValueSyntax): string {
    switch (value.kind) {
      case 'string':
      case 'reference':
        return text(value.first);
      case 'cells':
        return printCells(value);
      case 'bytes': {
        const bytes: string[] = [];
        visitBytes(tokens, value, (_kind, token) => bytes.push(text(token)));
        return `[${bytes.join(' ')}]`;
      }
      case 'incbin': {
        const window = [value.offset, value.length].flatMap((part) => (part ? [text(part.first, part.last)] : []));
        return `incbin(${[text(value.path), ...window].join(', ')})`;
      }
    }
  }

  function printCells(cells: CellsSyntax): string {
    const elements: string[] = [];
    visitCells(tokens, cells, (kind, first, last) => {
      elements.push(kind === 'unknown' ? `?${text(first)}` : text(first, last));
    });
    return `${cells.bits < 0 ? '' : `bits ${text(cells.bits)} `}<${elements.join(' ')}>`;
  }

  function labels(list: readonly number[]): string {
    return list.map((label) => `${text(label)} `).join('');
  }

  function text(first: number, last = first): string {
    let words = '';
    for (let token = first; token <= last; token++) words += tokenText(tokens, token);
    return words;
  }
}
