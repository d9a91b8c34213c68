// Boards for the server's tests, in a folder of their own that is removed at the end of the run.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ClientCapabilities } from 'vscode-languageserver-protocol/node';

/** The chip's file: an SMMU and a device behind it, which sets the kernel's MSI window aside. */
export const chip = `
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	memory@40000000 {
		device_type = "memory";
		reg = <0x0 0x40000000 0x0 0x40000000>;
	};
	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		hole: hole {
			iommu-addresses = <&dma 0x0 0x8000000 0x0 0x1000>;
		};
	};
	smmu: iommu@9050000 {
		compatible = "arm,smmu-v3";
		reg = <0x0 0x9050000 0x0 0x20000>;
		#iommu-cells = <1>;
		dma-coherent;
	};
	dma: dma-controller@a000000 {
		compatible = "vendor,dma";
		reg = <0x0 0xa000000 0x0 0x1000>;
		iommus = <&smmu 0x10>;
		memory-region = <&hole>;
	};
};
`;

/** A board on that chip. */
export const board = '/dts-v1/;\n#include "chip.dtsi"\n/ { model = "board"; };\n';

/** A board in one file, with the conflict. */
export const wholeBoard = `/dts-v1/;${chip}`;

const made: string[] = [];

/** A new folder with these files. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'doorbell-server-')));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

process.on('exit', () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A client that can do all that the server may ask for; diagnostics are pushed. */
export const fullCapabilities: ClientCapabilities = {
  workspace: {
    applyEdit: true,
    workspaceEdit: { documentChanges: true, resourceOperations: ['create'] },
    workspaceFolders: true,
    configuration: true,
    didChangeConfiguration: { dynamicRegistration: true },
    didChangeWatchedFiles: { dynamicRegistration: true },
    diagnostics: { refreshSupport: true },
  },
  textDocument: {
    publishDiagnostics: { relatedInformation: true, versionSupport: true, codeDescriptionSupport: true },
    hover: { contentFormat: ['markdown', 'plaintext'] },
    codeAction: {
      codeActionLiteralSupport: { codeActionKind: { valueSet: ['quickfix'] } },
      isPreferredSupport: true,
      disabledSupport: true,
      dataSupport: true,
      resolveSupport: { properties: ['edit'] },
    },
  },
  experimental: { doorbellStatus: true },
};

/** The place of a text in a document. */
export function positionOf(text: string, part: string): { line: number; character: number } {
  const offset = text.indexOf(part);
  if (offset < 0) throw new Error(`no ${part} in the text`);
  const before = text.slice(0, offset).split('\n');
  return { line: before.length - 1, character: before.at(-1)!.length };
}

/** An edit that puts `replacement` in the place of a part of the text. */
export function replacing(text: string, part: string, replacement: string): object {
  const start = positionOf(text, part);
  const end = positionOf(text.replace(part, '\0'.repeat(part.length)), '\0');
  const lines = part.split('\n');
  const last = lines.at(-1)!.length;
  return {
    range: {
      start,
      end: { line: end.line + lines.length - 1, character: lines.length === 1 ? end.character + last : last },
    },
    text: replacement,
  };
}
