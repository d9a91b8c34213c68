// Runs all rules over one board, or over one IORT.
import type { Diagnostic, Severity } from '../text/diagnostic';
import { nodeAt } from '../tree/navigate';
import { machineRules, rules, tableRules } from './catalogue';
import { hasGuests, type Finding, type MachineInput, type MachineRule, type RuleFacts, type RuleInput } from './rule';
import type { TableInput, TableMachine, TableRule } from './table-rule';
import { remarkableNodes } from './iort/plain-nodes';
import { seenTable } from './seen-tables';
import { knownValues } from './iort/half-written';

/**
 * The findings of all rules, in source order within a file. Nothing is thrown on any input: a rule that fails is
 * reported as `internal-error` and costs its own findings only.
 * Severities and comments of the user are not looked at here: `settleDiagnostics` does that for all layers at once.
 */
export function checkRules(input: RuleInput): Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const diagnostic of run(rules, input, (rule) => rule.check(input))) {
    diagnostics.push(diagnostic);
    const pointer = pointerFromRoot(input, diagnostic);
    if (pointer !== undefined) diagnostics.push(pointer);
  }
  return diagnostics;
}

/** The same of an IORT: what it says itself, and what the machine that it describes can do. */
export function checkTableRules(description: TableMachine): Diagnostic[] {
  const { table, topology, prediction, kernel, settings } = description;
  const machine: MachineInput = { topology, prediction, kernel, settings };
  const seen = seenTable(description);
  const all: TableInput = { ...description, nodes: table.nodes };
  const some: TableInput = { ...description, nodes: remarkableNodes(description, seen.nodes) };
  const quiet = new Set<TableRule>();
  const loud = new Set<unknown>();
  /** Rules that were begun and have not gone through all nodes. */
  let unfinished = 0;
  const check = (rule: TableRule | MachineRule): Iterable<Finding> => {
    if (!isTableRule(rule)) return rule.check(machine);
    if (rule.perNode !== true) {
      const found = seen.isQuiet(rule) ? [] : [...first(rule.check(all), mostOfATable)];
      if (found.length === 0) quiet.add(rule);
      return found;
    }
    unfinished++;
    const found = [...first(rule.check(some), mostOfATable)];
    for (const { subject } of found) loud.add(subject);
    if (found.length < mostOfATable) unfinished--;
    return found;
  };
  const isKnown = knownValues(description.document);
  const diagnostics = run<TableRule | MachineRule>([...tableRules, ...machineRules], description, check, isKnown);
  seen.keep(quiet, unfinished === 0 ? loud : new Set(seen.nodes));
  return diagnostics;
}

/** Findings of one rule in one table that are looked for: nobody reads more, and a hostile table has a hundred thousand. */
const mostOfATable = 2000;

function* first(findings: Iterable<Finding>, most: number): Generator<Finding> {
  let count = 0;
  for (const finding of findings) {
    if (count++ === most) return;
    yield finding;
  }
}

function isTableRule(rule: TableRule | MachineRule): rule is TableRule {
  return tableRuleIds.has(rule.id);
}

const tableRuleIds: ReadonlySet<string> = new Set(tableRules.map(({ id }) => id));

function run<Any extends RuleFacts>(
  all: readonly Any[],
  input: Pick<MachineInput, 'kernel' | 'settings'>,
  check: (rule: Any) => Iterable<Finding>,
  isKnown: (finding: Finding, rule: string) => boolean = () => true,
): Diagnostic[] {
  const findings = new Map<Any, readonly Finding[]>();
  const diagnostics: Diagnostic[] = [];
  for (const rule of all) {
    if (rule.holdsFor !== undefined && !rule.holdsFor(input.kernel)) continue;
    try {
      findings.set(rule, [...check(rule)]);
    } catch (error) {
      diagnostics.push(internalError(rule, error));
    }
  }
  const explained = new Map<string, Set<string>>();
  for (const [rule, found] of findings) explained.set(rule.id, new Set(found.map(({ about }) => about)));
  const seen = new Set<string>();
  for (const [rule, found] of findings) {
    for (const finding of found) {
      if (!isKnown(finding, rule.id) || isExplained(rule, finding, explained)) continue;
      const { range } = finding;
      const key = `${rule.id} ${range?.file.path ?? ''} ${range?.start ?? ''} ${finding.message}`;
      if (seen.has(key)) continue;
      seen.add(key);
      diagnostics.push({
        rule: rule.id,
        severity: finding.severity ?? severityOf(rule, input),
        range,
        node: finding.node,
        message: withKernels(finding.message, rule),
        ...(finding.offset === undefined ? {} : { offset: finding.offset }),
        ...(finding.evidence === undefined ? {} : { evidence: finding.evidence }),
        ...(finding.fixes === undefined || range === undefined ? {} : { fixes: finding.fixes }),
      });
    }
  }
  return diagnostics;
}

function severityOf({ severity, severityWithGuests }: RuleFacts, input: Pick<MachineInput, 'settings'>): Severity {
  return hasGuests(input) ? (severityWithGuests ?? severity) : severity;
}

/** What holds for some kernels only says for which: by itself, or by what the rule's documentation has about it. */
function withKernels(message: string, { docs }: RuleFacts): string {
  if (docs.kernels === undefined || docs.kernels.startsWith('all kernels')) return message;
  if (/\b(?:Linux|kernels|from|to|before) [67]\.\d/.test(message)) return message;
  const sentence = /[.?!]$/.test(message) ? message : `${message}.`;
  return `${sentence} This holds for ${docs.kernels.replaceAll('`', '')}.`;
}

function isExplained(rule: RuleFacts, finding: Finding, explained: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  for (const id of [...(rule.prerequisites ?? []), ...(rule.foundations ?? [])]) {
    const failed = explained.get(id);
    if (failed === undefined) continue;
    if (failed.has(finding.about) || finding.restsOn?.some((thing) => failed.has(thing)) === true) return true;
  }
  return false;
}

/**
 * What lies in an include is easily missed by somebody who has the board's file open: where that file has a block of the
 * same node (`&pcie { status = "okay"; }` brings the problem about), an `info` there leads to the finding and its fixes.
 */
function pointerFromRoot({ tree, root }: RuleInput, diagnostic: Diagnostic): Diagnostic | undefined {
  const { range, node, severity } = diagnostic;
  if (root === undefined || range === undefined || range.file === root || node === undefined) return undefined;
  if (severity !== 'error' && severity !== 'warning') return undefined;
  const block = nodeAt(tree, node)?.definitions.findLast(({ name }) => name.file === root);
  if (block === undefined) return undefined;
  const evidence = [{ range, message: 'The place it is about' }, ...(diagnostic.evidence ?? [])];
  return { ...diagnostic, severity: 'info', range: block.name, evidence };
}

function internalError(rule: RuleFacts, error: unknown): Diagnostic {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    rule: 'internal-error',
    severity: 'warning',
    range: undefined,
    message: `The rule ${rule.id} failed on this board and found nothing; the other rules are not affected. Please report it with the sources: ${reason.split('\n').slice(0, 2).join(' ')}`,
  };
}
