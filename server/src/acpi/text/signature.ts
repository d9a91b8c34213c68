// Which table a text is of: the value of its first line, which decides about all others.
import type { Assembler } from './assembler';
import { hasName, isVoid, nameOfLine, valueOfLine, type Lines } from './lines';
import { genericFields } from './values';

const signatureLabel = 'Signature';
const signatureLength = 4;
/** Lines of the header that every table has. */
const headerLines = 9;

/**
 * The tables that iasl 20200925 or 20260408 knows (`iasl -ht`), and those whose text it wrote once. Of any other table iasl
 * compiles the header, and behind it generic fields alone.
 */
const knownTables = new Set(
  [
    'AEST AGDI ASF! ASPT BDAT BERT BGRT BOOT CCEL CDAT CEDT CPEP CSRT DBG2 DBGP DMAR DRTM DTPR DSDT ECDT EINJ ERDT ERST FACS',
    'FACP FPDT GTDT HEST HMAT HPET IORT IOVT IVRS LPIT APIC MCFG MCHI MPAM MPST MRRM MSCT MSDM MTMR NFIT NHLT PCCT PDTT PHAT',
    'PMTT PPTT PRMT RASF RAS2 RHCT RGRT RSDP RSDT S3PT SBST SDEI SDEV SLIC SLIT SPCR SPMI SRAT SSDT STAO SVKL SWFT TCPA TDEL',
    'TPM2 UEFI VIOT VRTC WAET WDAT WDDT WDRT WPBT WSMT XENV XSDT',
  ].flatMap((row) => row.split(' ')),
);

/** Four characters; empty where the first line with a value is another. */
export function signatureOf(lines: Lines): string {
  const line = firstLine(lines);
  if (line < 0 || !hasName(lines, line, signatureLabel)) return '';
  return valueOfLine(lines, line).slice(0, signatureLength);
}

/** What is wrong with the signature of a table that is not read any further. */
export function reportSignature(assembler: Assembler): void {
  const { lines } = assembler;
  const line = firstLine(lines);
  if (line < 0) {
    reportMissing(assembler);
    return;
  }
  if (!hasName(lines, line, signatureLabel)) {
    assembler.report('table-signature', line, 'name', 'A table begins with “Signature : "IORT"”.');
    return;
  }
  const signature = valueOfLine(lines, line);
  const known = signature.trim().slice(0, signatureLength).toUpperCase();
  const isMeant = signature.length <= signatureLength && isGeneric(lines, line, knownTables.has(known));
  if (knownTables.has(signature) || isMeant) return;
  const [start, end] = assembler.placeOfValue(line);
  assembler.report(
    'table-signature',
    line,
    'value',
    `iasl knows no table “${signature.slice(0, 40)}”, and the lines behind its header are no generic fields.`,
    knownTables.has(known) ? { title: `Change to “${known}”`, start, end, newText: `"${known}"` } : undefined,
  );
}

/** The first line with a value, -1 for none. */
function firstLine(lines: Lines): number {
  for (let line = 0; line < lines.count; line++) if (!isVoid(lines, line)) return line;
  return -1;
}

/** Whether the body of a table is made of generic fields, which is all that iasl takes in a table that it does not know. */
function isGeneric(lines: Lines, first: number, needsBody: boolean): boolean {
  let seen = 0;
  for (let line = first; line < lines.count; line++) {
    if (isVoid(lines, line)) continue;
    if (++seen > headerLines && !genericFields.has(nameOfLine(lines, line))) return false;
  }
  return !needsBody || seen > headerLines;
}

/** A text in which no line has a value. */
function reportMissing({ lines, problems }: Assembler): void {
  const start = lines.text.search(/\S/);
  if (start < 0) return;
  const message =
    'Nothing here says which table this is: iasl takes a text for one if it begins with “Signature : "IORT"”.';
  problems.push({ rule: 'table-signature-missing', start, end: start + 1, message });
}
