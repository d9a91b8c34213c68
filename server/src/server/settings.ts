// The editor's settings: what doorbell.json takes as well, and where to look for includes.
import path from 'node:path';
import type { Context } from '../workspace/contexts';
import type { SettingsFile } from '../workspace/settings';
import { isRecord } from './params';

export interface EditorSettings {
  /** Below those of doorbell.json. */
  readonly presets: SettingsFile;
  /** Searched before the include paths that are found; relative ones start at the workspace folder. */
  readonly includePaths: readonly string[];
  readonly defines: Readonly<Record<string, string>>;
  /** Formatting a table also rewrites references to nodes that have moved. */
  readonly updatesReferencesOnFormat: boolean;
}

export const noSettings: EditorSettings = {
  presets: {},
  includePaths: [],
  defines: {},
  updatesReferencesOnFormat: false,
};

/** Keys of doorbell.json that the editor may preset. */
const presetKeys = ['kernel', 'pageSize', 'msiWindow', 'preserveBootConfiguration', 'rules'] as const;

/** The `doorbell` section of a client's configuration, or its initialization options; what is of no use is left out. */
export function editorSettings(section: unknown): EditorSettings {
  if (!isRecord(section)) return noSettings;
  const given = presetKeys.filter((key) => ![undefined, null, ''].includes(section[key] as null));
  const { includePaths, defines, tables } = section;
  return {
    presets: Object.fromEntries(given.map((key) => [key, section[key]])),
    includePaths: Array.isArray(includePaths) ? includePaths.filter((each) => typeof each === 'string') : [],
    defines: isRecord(defines)
      ? Object.fromEntries(Object.entries(defines).map(([name, value]) => [name, String(value)]))
      : {},
    updatesReferencesOnFormat: isRecord(tables) && tables.updateReferencesOnFormat === true,
  };
}

/** A context with the editor's include paths and macros; what files say of macros comes first. */
export function withEditorSettings(context: Context, settings: EditorSettings, folder: string | undefined): Context {
  const { includePaths, defines } = settings;
  if (includePaths.length === 0 && Object.keys(defines).length === 0) return context;
  const own = includePaths.map((each) => path.resolve(folder ?? path.dirname(context.root), each));
  return {
    ...context,
    includePaths: [...own, ...context.includePaths],
    dtcIncludePaths: [...context.dtcIncludePaths, ...own],
    defines: { ...defines, ...context.defines },
  };
}
