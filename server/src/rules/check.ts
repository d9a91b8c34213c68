// Runs all rules over one board.
import type { Diagnostic, Severity } from '../text/diagnostic';
import { nodeAt } from '../tree/navigate';
import { rules } from './catalogue';
import { hasGuests, type Finding, type Rule, type RuleInput } from './rule';

/**
 * The findings of all rules, in source order within a file. Nothing is thrown on any input: a rule that fails is
 * reported as `internal-error` and costs its own findings only.
 * Severities and comments of the user are not looked at here: `settleDiagnostics` does that for all layers at once.
 */
export function checkRules(input: RuleInput): Diagnostic[] {
  const findings = new Map<Rule, readonly Finding[]>();
  const diagnostics: Diagnostic[] = [];
  for (const rule of rules) {
    if (rule.holdsFor !== undefined && !rule.holdsFor(input.kernel)) continue;
    try {
      findings.set(rule, [...rule.check(input)]);
    } catch (error) {
      diagnostics.push(internalError(rule, error));
    }
  }
  const explained = new Map<string, Set<string>>();
  for (const [rule, found] of findings) explained.set(rule.id, new Set(found.map(({ about }) => about)));
  const seen = new Set<string>();
  for (const [rule, found] of findings) {
    for (const finding of found) {
      if (isExplained(rule, finding, explained)) continue;
      const { range } = finding;
      const key = `${rule.id} ${range?.file.path ?? ''} ${range?.start ?? ''} ${finding.message}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const diagnostic: Diagnostic = {
        rule: rule.id,
        severity: finding.severity ?? severityOf(rule, input),
        range,
        node: finding.node,
        message: withKernels(finding.message, rule),
        ...(finding.evidence === undefined ? {} : { evidence: finding.evidence }),
        ...(finding.fixes === undefined || range === undefined ? {} : { fixes: finding.fixes }),
      };
      diagnostics.push(diagnostic);
      const pointer = pointerFromRoot(input, diagnostic);
      if (pointer !== undefined) diagnostics.push(pointer);
    }
  }
  return diagnostics;
}

function severityOf({ severity, severityWithGuests }: Rule, input: RuleInput): Severity {
  return hasGuests(input) ? (severityWithGuests ?? severity) : severity;
}

/** What holds for some kernels only says for which: by itself, or by what the rule's documentation has about it. */
function withKernels(message: string, { docs }: Rule): string {
  if (docs.kernels === undefined || docs.kernels.startsWith('all kernels')) return message;
  if (/\b(?:Linux|kernels|from|to|before) [67]\.\d/.test(message)) return message;
  return `${message} This holds for ${docs.kernels.replaceAll('`', '')}.`;
}

function isExplained(rule: Rule, finding: Finding, explained: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  for (const id of rule.prerequisites ?? []) {
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

function internalError(rule: Rule, error: unknown): Diagnostic {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    rule: 'internal-error',
    severity: 'warning',
    range: undefined,
    message: `The rule ${rule.id} failed on this board and found nothing; the other rules are not affected. Please report it with the sources: ${reason.split('\n').slice(0, 2).join(' ')}`,
  };
}
