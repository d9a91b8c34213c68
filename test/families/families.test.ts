// Whole families of source trees go through the analysis as their own builds would take them, without a word from us.
import assert from 'node:assert/strict';
import path from 'node:path';
import { cellValue, nodeAt, property, stringValue } from '../../server/src/tree/navigate';
import { analyse, compileBoard } from '../../server/src/workspace/analysis';
import { contextOf } from '../../server/src/workspace/contexts';
import { createFileStore } from '../../server/src/workspace/files';
import { writeFdt } from '../../server/src/tree/fdt-write';
import type { DeviceTree } from '../../server/src/tree/model';
import { compiled, decompiled, preprocessed } from '../oracle/reference';
import { describeWithDtc } from '../oracle/suite';
import { type Folder, folderWith, removeFolders } from '../workspace/folder';
import { families, type Family } from './fixtures';

describe('families of source trees', () => {
  afterEach(removeFolders);

  for (const family of families) {
    it(family.name, () => {
      const folder = folderWith(family.files);
      const files = createFileStore();
      const overlays = (family.overlays ?? []).map(folder.at);
      for (const root of [family.board, ...(family.isPlugin === true ? family.overlays! : [])]) {
        const context = contextOf(folder.at(root), files, root === family.board ? { overlays } : {});
        const { diagnostics, tree } = analyse(context, files);
        assert.deepEqual(
          diagnostics.map(({ rule, message }) => `${rule}: ${message}`),
          [],
        );
        if (root !== family.board) continue;
        const found = Object.entries(family.expected).map(([place, wanted]) => [
          place,
          valueAt(tree, place, typeof wanted === 'number'),
        ]);
        assert.deepEqual(Object.fromEntries(found), family.expected);
      }
    });
  }
});

/** First cell or string of `/node property`; the node's path alone asks for the node. */
function valueAt(tree: DeviceTree, place: string, isCell: boolean): string | number | undefined {
  const [node = '', name] = place.split(' ');
  const found = nodeAt(tree, node);
  if (found === undefined || name === undefined) return found?.name;
  if (property(found, name)?.data.bytes.length === 0) return ''; // a flag
  return isCell ? cellValue(found, name) : stringValue(found, name);
}

describeWithDtc('families of source trees are what gcc and dtc build', (dtc) => {
  afterEach(removeFolders);

  for (const family of families) {
    it(family.name, async () => {
      const folder = folderWith(family.files);
      const files = createFileStore();
      const appendedOverlays = family.isPlugin === true ? [] : (family.overlays ?? []).map(folder.at);
      const plugins = family.isPlugin === true ? family.overlays! : [];
      for (const root of [family.board, ...plugins]) {
        const context = contextOf(folder.at(root), files, { overlays: root === family.board ? appendedOverlays : [] });
        const ours = writeFdt(compileBoard(context, files, { symbols: true }).tree);
        const theirs = await built(dtc, folder, family, root);
        assert.equal(await sourceOf(dtc, ours), await sourceOf(dtc, theirs), root);
      }
    });
  }
});

async function built(dtc: string, folder: Folder, family: Family, root: string): Promise<Uint8Array> {
  const appended = root === family.board ? (family.appended ?? []) : [];
  const wanted = [root, ...appended].map((name) => `#include "${folder.at(name)}"\n`);
  const whole = folder.write(path.join(path.dirname(root), 'whole.dts'), wanted.join(''));
  const source = await preprocessed(whole, (family.includePaths ?? []).map(folder.at));
  assert.ok(source.ok, source.messages);
  const blob = await compiled(dtc, source.output, { symbols: true, cwd: folder.root });
  assert.ok(blob.ok, blob.messages);
  return blob.output;
}

async function sourceOf(dtc: string, blob: Uint8Array): Promise<string> {
  return (await decompiled(dtc, blob)).output.toString();
}
