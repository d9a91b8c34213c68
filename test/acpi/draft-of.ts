// The description of a table that was decoded, to build it again.
import type { DraftTarget, NodeDraft, TableDraft } from '../../server/src/acpi/iort/build';
import type { IortNode, IortTable, Value } from '../../server/src/acpi/iort/model';

/** The draft that gives the table's bytes, if it lies as compilers lay tables out. */
export function draftOf(table: IortTable): TableDraft {
  const { header, nodes, nodeOffset, bytes } = table;
  const padding = bytes.slice(0x30, Number(nodeOffset!.value));
  return {
    revision: Number(header.revision!.value),
    header: Object.fromEntries(Object.values(header).map((value) => [value.field.name, value.text ?? value.value])),
    padding,
    nodes: nodes.map((node) => nodeDraft(table, node)),
  };
}

function nodeDraft(table: IortTable, node: IortNode): NodeDraft {
  const target = ({ value }: Value): DraftTarget => table.nodeAt(Number(value))?.index ?? { offset: Number(value) };
  const body = Object.values(node.values);
  const name = body.find(({ field }) => field.kind === 'name');
  const padding = node.gaps.find(({ kind }) => kind === 'padding');
  const fixed = body.filter((value) => value !== name);
  const plain = (values: readonly Value[]) => values.map(({ value }) => value);
  return {
    kind: node.kind as NodeDraft['kind'],
    revision: Number(node.header.revision.value),
    fixedSize: 16 + fixed.reduce((size, value) => size + value.size, 0),
    identifier: Number(node.header.identifier.value),
    fields: Object.fromEntries(fixed.map(({ field, value }) => [field.name, value])),
    ...(name === undefined ? {} : { name: name.text! }),
    ...(padding === undefined ? {} : { padding: table.bytes.slice(padding.offset, padding.end) }),
    ...(node.kind === 'its-group' ? { identifiers: plain(node.identifiers) } : {}),
    ...(node.kind === 'pmcg' ? { reference: target(node.values.nodeReference!) } : {}),
    ...(node.kind === 'smmu'
      ? {
          globalInterrupts: Object.fromEntries(
            Object.values(node.globalInterrupts!).map(({ field, value }) => [field.name, value]),
          ),
          contextInterrupts: plain(node.contextInterrupts),
          pmuInterrupts: plain(node.pmuInterrupts),
        }
      : {}),
    ...(node.kind === 'rmr'
      ? {
          descriptors: node.descriptors.map(({ base, length, reserved }) => ({
            base: base.value,
            length: length.value,
            reserved: reserved.value,
          })),
        }
      : {}),
    mappings: node.mappings.map(({ inputBase, count, outputBase, outputReference, flags }) => ({
      inputBase: inputBase.value,
      count: count.value,
      outputBase: outputBase.value,
      target: target(outputReference),
      flags: flags.value,
    })),
  };
}
