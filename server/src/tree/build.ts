// From a unit's syntax to the tree that dtc 1.7.0 would write.
//
// What the rest may rely on, whatever the sources hold:
// - There is always a tree, with a root; building never throws and reads no file but those of `/incbin/`.
// - The tree is what dtc makes of the sources wherever dtc accepts them: same nodes, properties, order, phandles. Where dtc
//   refuses them there is at least one diagnostic of severity error, from here, the parser or the preprocessor; the tree
//   then is what the sources most likely mean.
// - Only what is there in the end is in `children` and `properties`. A name is a node's once, and a property's once.
// - `definitions` are in source order, those that were overridden, or deleted before the thing came back, included.
//   What dtc adds (phandles, symbols, fixups) has none.
// - A cell whose reference leads nowhere is 0xffffffff; a value of which some is unknown is `broken`.
// - Values are decoded when somebody asks, except those of `phandle` and `name`, and numbers that may not fit.
import { evaluateInteger } from '../syntax/expression';
import { stringBytes } from '../syntax/strings';
import type { IncbinSyntax, IntegerSyntax, SyntaxTree } from '../syntax/syntax-tree';
import type { Diagnostic } from '../text/diagnostic';
import { checkLabels, checkNames } from './checks';
import type { ValueContext } from './decode';
import { mergeItem } from './merge';
import { findReference, labelHolder, type MergeState, prune } from './merge-state';
import type { DeviceTree } from './model';
import { addFixups, addSymbols } from './overlay';
import { bytesWithoutPaths, explicitPhandles, omitUnreferenced, resolveReferences } from './references';
import { SourceNode } from './source-tree';

export interface TreeOptions {
  /** `dtc -@`. */
  readonly symbols?: boolean;
  /** Reads the file of an `/incbin/`; `fromFile` is the file that it is written in. */
  readonly readBinary: (path: string, fromFile: string) => Uint8Array | { readonly error: string };
}

export interface BuiltTree {
  readonly tree: DeviceTree;
  /** What dtc's merge and its checks of severity error find; syntax errors are in `SyntaxTree.errors`. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The tree of a unit. The steps are those of scripts/dtc/dtc.c main, in its order. */
export function buildTree(syntax: SyntaxTree, options: TreeOptions): BuiltTree {
  const { symbols = false } = options;
  const state = initialState(syntax, options);
  for (const item of syntax.items) mergeItem(state, item);
  const bootCpu = guessBootCpu(state.root);
  checkNames(state);
  prune(state);
  checkLabels(state);
  const phandles = explicitPhandles(state);
  resolveReferences(state, phandles);
  omitUnreferenced(state, symbols);
  prune(state);
  for (const [value, node] of phandles.nodes) if (node.isDeleted) phandles.nodes.delete(value);
  if (symbols) addSymbols(state, phandles);
  if (state.isPlugin) addFixups(state);

  for (const label of state.ambiguousLabels) {
    const holder = labelHolder(state, label);
    if (holder === undefined) state.labels.delete(label);
    else state.labels.set(label, holder);
  }
  const { root, labels, memoryReservations, isPlugin, diagnostics } = state;
  const tree = { root, memoryReservations, labels, phandles: phandles.nodes, bootCpu, isPlugin };
  return { tree, diagnostics };
}

function initialState(syntax: SyntaxTree, options: TreeOptions): MergeState {
  const { tokens } = syntax;
  const context: ValueContext = {
    tokens,
    resolve: (text) => findReference(state, text) ?? state.omittedLabels.get(text),
    incbin: (incbin) => readIncbin(syntax, incbin, options),
  };
  const state: MergeState = {
    tokens,
    isPlugin: isPlugin(syntax),
    root: new SourceNode(context, '', undefined),
    labels: new Map(),
    memoryReservations: [],
    diagnostics: [],
    isStarted: false,
    fragments: 0,
    nested: [],
    lost: [],
    deletedLabels: new Map(),
    omittedLabels: new Map(),
    pruned: new Set(),
    omittable: [],
    withPhandle: [],
    withName: [],
    labelled: [],
    ambiguousLabels: new Set(),
    duplicates: [],
    halfDeleted: new Set(),
    badNames: [],
  };
  return state;
}

/** The first header decides: dtc-parser.y headers. */
function isPlugin({ items }: SyntaxTree): boolean {
  const version = items.findIndex(({ kind }) => kind === 'version');
  const plugin = items.findIndex(({ kind }) => kind === 'plugin');
  return plugin >= 0 && (version < 0 || plugin === version + 1 || plugin < version);
}

/** dtc-parser.y propdata: bytes from the offset on, to the file's end or as many as asked for. */
function readIncbin(
  { tokens }: SyntaxTree,
  { path, offset, length }: IncbinSyntax,
  options: TreeOptions,
): Uint8Array | { readonly error: string } {
  const name = Buffer.from(stringBytes(tokens, path, ignore).subarray(0, -1)).toString('utf8');
  const from = tokens.files[tokens.file[path]!]!.path;
  const bytes = options.readBinary(name, from);
  if ('error' in bytes) return bytes;
  const number = (integer: IntegerSyntax | undefined): number | undefined => {
    const value = integer && evaluateInteger(tokens, integer.first, integer.last, ignore);
    return value === undefined ? undefined : Number(value);
  };
  const start = number(offset) ?? 0;
  return bytes.subarray(start, start + (number(length) ?? bytes.length));
}

/** livetree.c guess_boot_cpuid: `reg` of the first node below /cpus, if that is one cell. Deleted nodes count as nodes. */
function guessBootCpu(root: SourceNode): number {
  const first = root.liveChild('cpus')?.children.values().next().value;
  const reg = first?.liveProperty('reg');
  const bytes = reg && bytesWithoutPaths(reg);
  reg?.forgetValue();
  if (bytes?.length !== 4) return 0;
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

function ignore(): void {
  // Reported where the value is inspected.
}
