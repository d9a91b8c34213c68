// Diagnostics as SARIF 2.1.0 (OASIS), for code scanning services.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { documentationUrl } from '../rules/catalogue';
import type { Severity } from '../text/diagnostic';
import type { ReportedDiagnostic, ReportedEvidence } from './report';

const levels: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
  hint: 'note',
};

export interface SarifRule {
  readonly id: string;
  readonly summary: string;
}

/** One run. `rules` describes the ids; those that no diagnostic has are left out. */
export function sarifLog(
  diagnostics: readonly ReportedDiagnostic[],
  rules: readonly SarifRule[],
  version: string,
): object {
  const ids = [...new Set(diagnostics.map(({ rule }) => rule))].sort();
  const summaryOf = new Map(rules.map(({ id, summary }) => [id, summary]));
  const run = {
    tool: {
      driver: {
        name: 'doorbell',
        version,
        rules: ids.map((id) => ({
          id,
          shortDescription: { text: summaryOf.get(id) ?? id },
          helpUri: documentationUrl(id),
        })),
      },
    },
    columnKind: 'utf16CodeUnits',
    originalUriBaseIds: { '%SRCROOT%': { uri: `${pathToFileURL(process.cwd()).href}/` } },
    results: diagnostics.map((diagnostic) => result(diagnostic, ids.indexOf(diagnostic.rule))),
  };
  return { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
}

function result(diagnostic: ReportedDiagnostic, ruleIndex: number): object {
  const { rule, severity, message, node, evidence } = diagnostic;
  const logicalLocations = node === null ? {} : { logicalLocations: [{ fullyQualifiedName: node, kind: 'object' }] };
  return {
    ruleId: rule,
    ruleIndex,
    level: levels[severity],
    message: { text: message },
    locations: [{ physicalLocation: physicalLocation(diagnostic), ...logicalLocations }],
    ...(evidence.length > 0 && { relatedLocations: evidence.map(relatedLocation) }),
  };
}

function relatedLocation(evidence: ReportedEvidence, index: number): object {
  return { id: index, physicalLocation: physicalLocation(evidence), message: { text: evidence.message } };
}

function physicalLocation(place: ReportedDiagnostic | ReportedEvidence): object {
  const { file, line, column } = place;
  // Of a binary: lines are those of a text that is in no file.
  if ('offset' in place) {
    return { artifactLocation: artifactLocation(file), region: { byteOffset: Number(place.offset) } };
  }
  if (line === null || column === null) return { artifactLocation: artifactLocation(file) };
  const end =
    'endLine' in place && place.endLine !== null ? { endLine: place.endLine, endColumn: place.endColumn } : {};
  return { artifactLocation: artifactLocation(file), region: { startLine: line, startColumn: column, ...end } };
}

function artifactLocation(file: string): object {
  if (path.isAbsolute(file)) return { uri: pathToFileURL(file).href };
  return { uri: file.split(path.sep).map(encodeURIComponent).join('/'), uriBaseId: '%SRCROOT%' };
}
