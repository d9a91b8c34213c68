// Diagnostics as text: `file:line:col: severity: message [rule-id]`, then indented evidence lines.
import type { ReportedDiagnostic, ReportedEvidence } from './report';
import type { Painter } from './terminal';

export function printText(diagnostic: ReportedDiagnostic, paint: Painter): string {
  const { severity, rule, node, message, evidence } = diagnostic;
  const where = paint(`${placeOf(diagnostic)}:`, 'strong');
  // Without a line the node is the only place there is.
  const about = diagnostic.line === null && node !== null && !message.includes(node) ? `${node}: ` : '';
  const first = `${where} ${paint(`${severity}:`, severity)} ${about}${oneLine(message)}${byteOf(diagnostic)} ${paint(`[${rule}]`, 'faint')}\n`;
  return first + evidence.map((each) => `    ${placeOf(each)}: ${oneLine(each.message)}${byteOf(each)}\n`).join('');
}

/** Of a binary table. */
function byteOf({ offset }: ReportedDiagnostic | ReportedEvidence): string {
  return offset === undefined ? '' : ` (byte ${offset})`;
}

function placeOf({ file, line, column }: ReportedDiagnostic | ReportedEvidence): string {
  return line === null || column === null ? file : `${file}:${line}:${column}`;
}

/** A name in a source may hold anything: a line of output stays one, and no control character reaches the terminal. */
function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}
