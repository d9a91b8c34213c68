// ACPI tables with something broken in them, and what must be true of whatever is made of them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { random, type Random } from './random';
import { checkAnalysis, checkText } from './table-engine';
import { generateTable } from '../acpi/generate-table';
import { readNumber, writeInteger } from '../../server/src/acpi/bytes';
import { recomputed } from '../../server/src/acpi/iort/compute';
import { decodeIort, nodeAsLinuxReads } from '../../server/src/acpi/iort/decode';
import { editTable } from '../../server/src/acpi/iort/edit';
import { encodeIort } from '../../server/src/acpi/iort/encode';
import { movedReferences } from '../../server/src/acpi/iort/moved-references';
import type { Gap, IortTable, TableProblem } from '../../server/src/acpi/iort/model';
import { decodeMadt, encodeMadt } from '../../server/src/acpi/madt/decode';

const recorded = path.join(__dirname, '../fixtures/truth/iort');

/** Tables of machines, and generated ones: as compilers and as firmware lay them out. */
export function tableSeeds(): Uint8Array[] {
  const binaries = fs.readdirSync(recorded).filter((name) => name.endsWith('.aml'));
  return [
    ...binaries.map((name) => new Uint8Array(fs.readFileSync(path.join(recorded, name)))),
    ...Array.from({ length: 120 }, (_, seed) => generateTable(seed, { isOdd: seed % 2 === 1 })),
  ];
}

/** Numbers over which readers fall: nothing, all, the sign, one around a header, one around everything. */
const edges = [
  0, 1, 2, 4, 15, 16, 17, 20, 0x2f, 0x30, 0x31, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
];

/** The table with one to six changes. */
export function mutatedTable(table: Uint8Array, numbers: Random): Uint8Array {
  const { below, pick } = numbers;
  let bytes: Uint8Array = table.slice();
  for (let changes = 1 + below(6); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    switch (below(9)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << below(8);
        break;
      case 1:
        if (at < bytes.length) bytes[at] = below(256);
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3: {
        const size = pick([1, 2, 4] as const);
        if (at + size <= bytes.length) writeInteger(bytes, at, size, BigInt(pick(edges)));
        break;
      }
      case 4:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + below(40))));
        break;
      case 5:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(below(at + 1)));
        break;
      case 6:
        for (let end = at + below(24); end > at; end--) if (end < bytes.length) bytes[end] = below(256);
        break;
      default:
        changeNode(bytes, numbers);
    }
  }
  return bytes;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}

/** Another number where a node or the header says where things are. */
function changeNode(bytes: Uint8Array, { below, pick }: Random): void {
  const { nodes } = decodeIort(bytes);
  const node = nodes[below(nodes.length + 1)];
  const [offset, size] =
    node === undefined
      ? pick([
          [4, 4],
          [8, 1],
          [0x24, 4],
          [0x28, 4],
        ] as const)
      : pick([
          [node.offset, 1],
          [node.offset + 1, 2],
          [node.offset + 3, 1],
          [node.offset + 8, 4],
          [node.offset + 12, 4],
        ] as const);
  const values = node?.all ?? [];
  const other = values.length === 0 ? offset : pick(values).offset;
  const place = below(2) === 0 ? offset : other;
  if (place + size > bytes.length) return;
  const near = (readNumber(bytes, place, size) ?? 0) + below(9) - 4;
  const target = nodes[below(nodes.length + 1)]?.offset ?? 0;
  writeInteger(bytes, place, size, BigInt(pick([near, pick(edges), target, below(bytes.length + 1)])));
}

/** Reads what the number makes of the tables; throws where the readers do, or answer what cannot be. */
export function runTableRound(seeds: readonly Uint8Array[], number: number): void {
  const numbers = random(number);
  const bytes = numbers.below(50) === 0 ? noise(numbers) : mutatedTable(numbers.pick(seeds), numbers);
  checkIort(bytes, numbers);
  checkMadt(bytes);
  // These cost as much as dozens of the others.
  const also = numbers.below(80);
  if (also === 0) checkText(bytes);
  if (also === 1) checkAnalysis(bytes, numbers.pick(seeds));
}

function noise({ below }: Random): Uint8Array {
  return Uint8Array.from({ length: below(400) }, () => below(256));
}

function checkIort(bytes: Uint8Array, numbers: Random): void {
  const table = decodeIort(bytes);
  assert.ok(Buffer.from(encodeIort(table)).equals(bytes), 'bytes are lost');
  checkProblems(table.problems, bytes);
  checkGaps(table.gaps, bytes);
  let end = 0;
  for (const node of table.nodes) {
    assert.ok(node.offset >= end && node.end <= table.end, 'nodes lie over each other');
    end = node.end;
    checkGaps(node.gaps, bytes);
    let last = node.offset;
    for (const value of node.all) {
      const isInside = value.offset >= last && value.offset + value.size <= node.end;
      assert.ok(isInside && value.value >= 0n, `${value.field.name} at ${value.offset} is not in its node`);
      last = value.offset;
    }
    for (const { target, outputReference } of node.mappings) {
      assert.ok(target === undefined || target.offset === Number(outputReference.value));
      nodeAsLinuxReads(table, Number(outputReference.value));
    }
  }
  assert.ok(table.counted.length <= bytes.length);
  for (const node of table.counted) assert.ok(node.all.length > 0);
  checkEdits(table, numbers);
}

/** The header can be set right, and a node put in front moves the others and all that names them. */
function checkEdits(table: IortTable, { below }: Random): void {
  const right = decodeIort(recomputed(table));
  const isShort = right.bytes.length < 0x30;
  assert.ok(isShort || right.problems.every(({ code }) => code !== 'checksum' && code !== 'table-length'));
  const at = below(table.nodes.length + 1);
  const node = table.nodes[below(table.nodes.length + 1)];
  if (node === undefined) return;
  const copy = table.bytes.slice(node.offset, node.end);
  const { bytes } = editTable(table, [{ kind: 'insert', before: at, bytes: copy }]);
  assert.equal(bytes.length, table.bytes.length + copy.length);
  const after = decodeIort(bytes);
  movedReferences(table, after);
  movedReferences(after, table);
}

function checkMadt(bytes: Uint8Array): void {
  const table = decodeMadt(bytes);
  assert.ok(Buffer.from(encodeMadt(table)).equals(bytes), 'bytes of a MADT are lost');
  checkProblems(table.problems, bytes);
}

function checkProblems(problems: readonly TableProblem[], bytes: Uint8Array): void {
  for (const { code, offset, size, message } of problems) {
    assert.ok(
      offset >= 0 && offset + size <= bytes.length && message !== '',
      `${code} at ${offset} is not in the table`,
    );
  }
}

function checkGaps(gaps: readonly Gap[], bytes: Uint8Array): void {
  for (const { offset, end } of gaps) assert.ok(offset >= 0 && offset < end && end <= bytes.length, 'a gap of nothing');
}
