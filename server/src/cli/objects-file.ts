// The file that says what ACPI calls the nodes of a devicetree, for `iort generate` and `compare`.
import fs from 'node:fs';
import type { DeviceTree } from '../tree/model';
import { readAcpiObjects, type ReadObjects } from '../workspace/acpi-objects';
import { UsageError } from './terminal';

export function objectsOf(file: string, tree: DeviceTree): ReadObjects {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const objects = readAcpiObjects(text, tree);
  const [problem] = objects.problems;
  if (problem !== undefined) throw new UsageError(`${file}: ${problem}`);
  return objects;
}
