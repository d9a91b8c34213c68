// The pages of docs/rules, made from the rules themselves: `npm run docs:rules` writes them, a test keeps them up to date.
import type { CatalogueEntry, Layer } from './catalogue';
import type { Rule, RuleFacts } from './rule';
import type { TableRule } from './table-rule';

/** The source that an example's page stands for. */
export function exampleSource(text: string): string {
  return `/dts-v1/;\n#include "board.dtsi"\n\n${text}\n`;
}

/** File names and contents of all pages, the list of them included. */
export function documentationPages(catalogue: readonly CatalogueEntry[]): ReadonlyMap<string, string> {
  const pages = new Map<string, string>();
  for (const entry of catalogue) pages.set(`${entry.id}.md`, page(entry));
  pages.set('README.md', indexPage(catalogue));
  return pages;
}

function page(entry: CatalogueEntry): string {
  const { rule, tableRule } = entry;
  if (rule !== undefined) return rulePage(rule, boardExample(rule));
  return tableRule === undefined ? shortPage(entry) : rulePage(tableRule, tableExample(tableRule));
}

function rulePage(rule: RuleFacts, example: string): string {
  const { id, severity, severityWithGuests, summary, docs, prerequisites } = rule;
  const { effect, why, fix, sources } = docs;
  const withGuests =
    severityWithGuests === undefined ? '' : `; ${severityWithGuests} where \`doorbell.json\` names \`guests\``;
  const kernels = docs.kernels === undefined ? '' : `\n\nHolds for ${docs.kernels}.`;
  return `# ${id}

${summary}. Severity: ${severity}${withGuests}.${kernels}

## What happens

${effect}

## Why

${why}

## What to do

${fix}

## Example

${example}

## Sources

${sources.map((source) => `- ${source}`).join('\n')}
${prerequisites === undefined ? '' : `\nNot reported where one of these explains it: ${prerequisites.map((each) => `[${each}](${each}.md)`).join(', ')}.\n`}
${switchingOff(id)}`;
}

function boardExample({ docs: { example } }: Rule): string {
  const kernel = example.kernel === undefined ? '' : ` (with \`"kernel": "${example.kernel}"\` in doorbell.json)`;
  return `On the board of [board.dtsi](board.dtsi)${kernel}, this is reported:

${exampleText(example.failing, example.settings)}

and this is not:

${exampleText(example.corrected, example.correctedSettings ?? example.settings)}`;
}

function tableExample({ docs: { example } }: TableRule): string {
  const { failing, corrected, bytes, settings, correctedSettings = settings } = example;
  if (bytes !== undefined) {
    return `In a binary (from text, a compiler computes it right): the table of [iort.dsl](iort.dsl) compiled, with ${bytes.map(byteText).join('; ')}, is reported; the table as it is, is not.`;
  }
  const same = failing === corrected ? 'With the same lines it is not reported' : 'and this is not:';
  return `In the table of [iort.dsl](iort.dsl), with these lines in place of its own, this is reported:

${tableText(failing, settings)}

${failing === corrected ? `${same} ${settingsText(correctedSettings)}` : `${same}\n\n${tableText(corrected, correctedSettings)}`}`;
}

function byteText([offset, ...values]: readonly [number, ...number[]]): string {
  const digits = (value: number, length: number) => value.toString(16).toUpperCase().padStart(length, '0');
  const shown = values.map((value) => digits(value, 2)).join(' ');
  return `${shown} at ${digits(offset, 3)}h`;
}

/** A source, and the doorbell.json beside it. An example that adds nothing to the board is told by its settings alone. */
function exampleText(source: string, settings: object | undefined): string {
  const dts = `\`\`\`dts\n${source}\n\`\`\``;
  if (settings === undefined) return dts;
  const json = `\`\`\`json\n${JSON.stringify(settings, undefined, 2)}\n\`\`\``;
  return source === '' ? `as \`doorbell.json\`\n\n${json}` : `${dts}\n\nwith \`doorbell.json\`\n\n${json}`;
}

function tableText(lines: string, settings: object | undefined): string {
  const text = `\`\`\`\n${lines}\n\`\`\``;
  return settings === undefined ? text : `${text}\n\n${settingsText(settings)}`;
}

function settingsText(settings: object | undefined): string {
  return `with \`doorbell.json\`\n\n\`\`\`json\n${JSON.stringify(settings, undefined, 2)}\n\`\`\``;
}

const layerTexts: Readonly<Record<Layer, string>> = {
  board: '',
  table: '',
  'table-text':
    'Found while the text of an ACPI table is read and compiled. What is an error here, iasl refuses or compiles otherwise.',
  tree: 'Found when the nodes are merged into the tree. What is an error here, dtc refuses.',
  syntax: 'Found while the source is parsed. dtc refuses it; the rest of the source keeps its meaning here.',
  preprocess: 'Found while includes and macros are processed.',
  workspace: 'About files and settings around the board, or about Doorbell itself.',
};

function shortPage({ id, severity, summary, layer }: CatalogueEntry): string {
  return `# ${id}

${summary}. Severity: ${severity}.

${layerTexts[layer]}

${switchingOff(id)}`;
}

function switchingOff(id: string): string {
  return `## Switching it off

In \`doorbell.json\`: \`"rules": { "${id}": "off" }\`, or another severity (\`error\`, \`warning\`, \`info\`, \`hint\`). In place: \`// doorbell-ignore ${id}\` on the line before or at the end of the line, \`// doorbell-ignore-file ${id}\` for a whole file; a quick fix writes the former.
`;
}

const layerTitles: readonly (readonly [Layer, string])[] = [
  ['board', 'The board'],
  ['table', 'The IORT'],
  ['table-text', 'The text of ACPI tables'],
  ['tree', 'The tree'],
  ['syntax', 'Syntax'],
  ['preprocess', 'Preprocessing'],
  ['workspace', 'Files and settings'],
];

function indexPage(catalogue: readonly CatalogueEntry[]): string {
  const sections = layerTitles.map(([layer, title]) => {
    const rows = catalogue
      .filter((entry) => entry.layer === layer)
      .map(({ id, severity, summary }) => `| [${id}](${id}.md) | ${severity} | ${summary.replaceAll('|', '\\|')} |`);
    return `## ${title}\n\n| id | severity | summary |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# All diagnostics

Made by \`npm run docs:rules\` from the rules themselves.

${sections.join('\n')}`;
}
