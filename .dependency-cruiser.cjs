// Imports run one way: features, cli, server -> workspace, rules -> iova -> topology -> tree, acpi -> syntax -> preprocess -> text.
const layers = ['text', 'preprocess', 'syntax', 'acpi', 'tree', 'topology', 'iova', 'rules', 'workspace', 'features'];
const above = (layer) => layers.slice(layers.indexOf(layer) + 1);
const faces = '((server|cli)/|(server|cli|main)\\.ts$)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...layers
      .filter((layer) => above(layer).length > 0)
      .map((layer) => ({
        name: `${layer}-imports-downwards`,
        severity: 'error',
        from: { path: `^server/src/${layer}/` },
        to: { path: `^server/src/((${above(layer).join('|')})/|${faces})` },
      })),
    {
      name: 'iova-knows-topology-alone',
      severity: 'error',
      from: { path: '^server/src/iova/' },
      to: { path: '^server/src/(tree|acpi|syntax|preprocess)/' },
    },
    {
      name: 'tree-and-acpi-know-nothing-of-each-other',
      severity: 'error',
      from: { path: '^server/src/tree/' },
      to: { path: '^server/src/acpi/' },
    },
    {
      name: 'features-import-no-face',
      severity: 'error',
      from: { path: '^server/src/features/' },
      to: { path: `^server/src/${faces}` },
    },
    {
      name: 'only-the-server-knows-lsp',
      severity: 'error',
      from: { path: '^server/src/(text|preprocess|syntax|acpi|tree|topology|iova|rules|workspace)/' },
      to: { path: 'vscode-languageserver' },
    },
    {
      name: 'client-imports-the-protocol-alone',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^server/src/', pathNot: '^server/src/protocol\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
