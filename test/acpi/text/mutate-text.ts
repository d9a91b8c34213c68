// Changes of a table's text that somebody who knows iasl would try: values, names, lines, nodes, comments and ends of lines.
import type { Random } from '../../fuzz/random';

const operators = '+ - * / % << >> < > <= >= == != & ^ | && ||'.split(' ');
const oddOperators = "= ! ~ ** <> &&& <<< , . @ # $ ? \\ '".split(' ');
const operands = [
  ...'0 1 F 10 0x10 0X2 0b1 0d16 FFFFFFFF FFFFFFFFFFFFFFFF 10000000000000000 $L1 $A $ $9 abc x 10h 1.5 ~1 !1 ~~5'.split(
    ' ',
  ),
  ...'(1) ((2)) (1 1) () "3" 1_2 0x 0xg 5L XY (XY) FACE'.split(' '),
  ...['~ 0F & 3', '1 2'],
];
const strings = [
  ...[
    '"AB"',
    '"a\\"b"',
    '"a\\\\"',
    '"',
    '""',
    '" "',
    '"a" "b"',
    'A B',
    '"A',
    'A"',
    '"[x]"',
    '[x',
    '"/*"',
    '"//"',
    'a:b',
  ],
  ...['\\_SB.X', '"a:b"', "'A'", ':', ': :', '"é"', '"a\tb"', 'a/', 'a /* b', '*/', '/*/', '"a"/*x*/"b"', '\\', 'a\\'],
];
const byteLists = [
  ...[
    '00',
    '00 01',
    '0001',
    '00, 01',
    '00 ,01',
    '0',
    'GG',
    '00  01',
    '00\t01',
    '[00]',
    '00 [01]',
    '00/*x*/01',
    '"00 01"',
  ],
  ...['00 \\\n 01 \\\n02', '(00)', Array.from({ length: 40 }, (_, at) => String(10 + at)).join(' ')],
];
const comments = [
  '/* c */',
  '// c',
  '/* a\n b */',
  '/*',
  '*/',
  '/***/',
  '// /*',
  '//\\',
  '/',
  '/x',
  '/* "',
  '"/*"',
  '; c',
  '/* \\\n */',
];
const lines = [
  ...[
    '',
    '\t',
    'x',
    'x:',
    'x : 5',
    ': 5',
    '[',
    ']',
    '[a:b] x : 5',
    '"',
    'Raw Table Data',
    '  Raw Table Data: x',
    '\v',
    '\f',
  ],
  ...[
    'raw table data',
    'x Raw Table Data : 5',
    '/* Raw Table Data */',
    '\\',
    'x \\',
    'é',
    '\x7f',
    'Padding :',
    'Padding : 00',
  ],
  ...[
    'Identifiers : 5',
    'Label : L1',
    'UINT8 : 5',
    'UINT32 : $L1',
    'String : "abc"',
    'Buffer : 01 02',
    'GUID : x',
    'Type : 00',
  ],
  ...['Context Interrupt : 5', 'PMU Interrupt : 5', 'Optional Padding : 00 01', 'Input base : 0', 'Single Mapping : 1'],
  ...['#define XY 3', '#define FACE 4', '#if 0', '#if 1', '#else', '#endif', '# c', '#undef XY', '// DefinitionBlock'],
];
const names = [
  'Reserved',
  'Type',
  'Identifiers',
  'Padding',
  'Input base',
  'Label',
  'UINT32',
  'Buffer',
  'Signature',
  '',
];

function expression(numbers: Random): string {
  const blank = () => numbers.pick(['', ' ', '  ', '\t']);
  let written = numbers.pick(operands);
  for (let more = numbers.below(4); more > 0; more--) {
    const operator = numbers.pick(numbers.below(3) === 0 ? oddOperators : operators);
    written += blank() + operator + blank() + numbers.pick(operands);
  }
  return written;
}

function value(numbers: Random): string {
  const kind = numbers.below(6);
  if (kind < 3) return expression(numbers);
  if (kind === 3) return numbers.pick(strings);
  return kind === 4
    ? numbers.pick(byteLists)
    : numbers
        .below(2 ** 31)
        .toString(16)
        .slice(numbers.below(6));
}

function misspelled(name: string, numbers: Random): string {
  return numbers.pick([
    name.toLowerCase(),
    name.slice(0, -1),
    `${name}s`,
    name.replace(' ', ''),
    name.replace(' ', '  '),
    `"${name}"`,
    name.replace(/ .*/, ''),
    `[${name}`,
    name.replace(/(.)$/, '/*x*/$1'),
    name.replace(/(.)/, '$1\t'),
    numbers.pick(names),
  ]);
}

/** A change of one line; undefined where it does not apply. */
type LineChange = (line: string, colon: number, numbers: Random) => string | undefined;

const lineChanges: readonly LineChange[] = [
  (line, colon, numbers) => (colon > 0 ? line.slice(0, colon + 3) + value(numbers) : undefined),
  (line, colon, numbers) => (colon > 0 ? line.slice(0, colon + 3) + expression(numbers) : undefined),
  (line, _, numbers) =>
    line + numbers.pick(['', ' ']) + numbers.pick([...comments, '[x]', ' x', ':', '"', '\\', '\\\n', '\t', ';', '\r']),
  (line, colon, numbers) => {
    const [, prefix = '', name = ''] = /^(\s*(?:\[[^\]]*\])?\s*)(.*?)$/.exec(line.slice(0, Math.max(colon, 0))) ?? [];
    return colon > 0 ? prefix + misspelled(name, numbers) + line.slice(colon) : undefined;
  },
  (line, _, numbers) => {
    const at = numbers.below(line.length + 1);
    return (
      line.slice(0, at) +
      numbers.pick([...comments, '\\\n', '\t', '[', ']', '"', ':', ' ', '\n', '/', '\r\n']) +
      line.slice(at)
    );
  },
  (line, colon, numbers) => {
    const count = numbers.pick([200, 1023, 1024, 1025, 5000]);
    const long = [
      ' '.repeat(count) + line,
      `${line}//${'x'.repeat(count)}`,
      `${line.slice(0, colon + 3)}1${'+1'.repeat(count)}`,
    ];
    return numbers.pick(colon > 0 ? [...long, `${line.slice(0, colon + 3)}${'0'.repeat(count)}5`] : long.slice(0, 2));
  },
  (line, _, numbers) =>
    line.includes('decoded below') ? line.replace(/ : .*/, ` : ${numbers.pick(['0', 'FF', '~0', 'zz'])}`) : undefined,
];

/** The text without its raw data, with up to three changes; the same for the same numbers. */
export function mutatedText(text: string, numbers: Random): string {
  const head = numbers.below(8) === 0 ? text : text.slice(0, text.indexOf('Raw Table Data'));
  let all = head.replace(/^\/\*[^]*?\*\/\n/, '').split('\n');
  for (let round = 1 + numbers.below(3); round > 0; round--) {
    const at = numbers.below(all.length);
    const line = all[at]!;
    switch (numbers.below(9)) {
      case 0:
        all.splice(at, 0, numbers.pick(lines));
        break;
      case 1:
        all.splice(at, numbers.below(2), ...(numbers.below(2) === 0 ? [line] : []));
        break;
      case 2: {
        const other = numbers.below(2) === 0 ? numbers.below(all.length) : Math.min(at + 1, all.length - 1);
        [all[at], all[other]] = [all[other]!, line];
        break;
      }
      case 3:
        all = changedNodes(all, numbers);
        break;
      case 4:
        if (numbers.below(4) === 0) all = changedEverywhere(all, numbers);
        break;
      default:
        all[at] = numbers.pick(lineChanges)(line, line.indexOf(' : '), numbers) ?? line;
    }
  }
  return all.join('\n');
}

/** A node taken out, or put in once more somewhere else. */
function changedNodes(all: readonly string[], numbers: Random): string[] {
  const starts = all.flatMap((line, at) => (line.includes(' Type : ') ? [at] : []));
  if (starts.length < 2) return [...all];
  const index = numbers.below(starts.length);
  const [start, end] = [starts[index]!, starts[index + 1] ?? all.length];
  if (numbers.below(3) === 0) return [...all.slice(0, start), ...all.slice(end)];
  const to = numbers.pick(starts);
  return [...all.slice(0, to), ...all.slice(start, end), ...all.slice(to)];
}

function changedEverywhere(all: readonly string[], numbers: Random): string[] {
  switch (numbers.below(7)) {
    case 0:
      return all.map((line) => `${line}\r`);
    case 1:
      return all.map((line) => line.replace(/ {4}/g, '\t'));
    case 2:
      return all.map((line) => line.trimStart());
    case 3:
      return all.map((line) => line.replace(/^\[[^\]]*\]\s*/, ''));
    case 4:
      return all.filter((line) => !line.includes('Signature'));
    case 5:
      return all.filter((line) => !/^ {40}.* : .$/.test(line));
    default:
      return all.slice(0, all.findLastIndex((line) => line !== '') + 1);
  }
}
