// Where the rules about an IORT have their knowledge from.

/** A function of Linux's reading of the IORT. */
export function linux(name: string): string {
  return `Linux drivers/acpi/arm64/iort.c ${name}`;
}

/** A section of Arm's specification of the table. */
export function specification(section: string): string {
  return `Arm DEN0049 (IO Remapping Table), ${section}`;
}

export const firmwareTestSuite = 'Firmware Test Suite src/acpi/iort/iort.c';
export const acpiView = 'EDK2 ShellPkg/Library/UefiShellAcpiViewCommandLib/Parsers/Iort/IortParser.c';
export const iaslCompiler = 'ACPICA source/compiler/dttable1.c DtCompileIort';
export const iaslDisassembler = 'ACPICA source/common/dmtbdump2.c AcpiDmDumpIort';

/** An amendment of iort.dsl of docs/rules: a node by the name that it has there, and lines as `Model : 00000003`. */
export function amendment(node: string, ...lines: readonly string[]): string {
  return [`// ${node}`, ...lines.map(aligned)].join('\n');
}

function aligned(line: string): string {
  const colon = line.indexOf(' : ');
  return colon < 0 ? line : `${line.slice(0, colon).padStart(28)}${line.slice(colon)}`;
}
