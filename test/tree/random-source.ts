// Small sources made by chance of everything that merging is about: blocks for the same nodes over and over, deletions,
// labels, references, phandles, `/omit-if-no-ref/`, fragments. About a third of them are good. What has tests of its own
// is left out: names twice in a block, of which dtc deletes one alone, and a deleted root.

export interface RandomSource {
  readonly text: string;
  readonly symbols: boolean;
}

/** The source of a number: the same each time. */
export function randomSource(seed: number): RandomSource {
  let state = Math.imul(seed, 2654435761) >>> 0;
  const labels: string[] = [];
  const isPlugin = chance(0.3);
  const symbols = chance(0.3);
  const items: string[] = [`/dts-v1/;${isPlugin ? ' /plugin/;' : ''}`];
  items.push(`${isPlugin && chance(0.5) ? '&base' : '/'} ${block(0)}`);
  for (let more = below(5); more > 0; more--) items.push(item());
  return { text: `${items.join('\n')}\n`, symbols };

  function item(): string {
    const kind = below(20);
    if (kind < 8) return `/ ${block(0)}`;
    if (kind < 16) return `${maybeLabel(0.2)}${reference()} ${block(1)}`;
    const target = labels.length > 0 ? `&${pick(labels)}` : '&{/a}';
    return kind < 17 ? `/delete-node/ ${target};` : `/omit-if-no-ref/ ${target};`;
  }

  function block(depth: number): string {
    const members: string[] = [];
    const used = new Set<string>();
    for (let more = below(4); more > 0; more--) {
      const name = unused(propertyNames, used);
      const written = chance(0.25) ? `${name};` : `${name} = ${values(name)};`;
      members.push(chance(0.12) ? `/delete-property/ ${name};` : maybeLabel(0.04) + written);
    }
    used.clear();
    for (let more = below(4 - depth); more > 0; more--) {
      const name = unused(nodeNames, used);
      const omit = chance(0.08) ? '/omit-if-no-ref/ ' : '';
      members.push(chance(0.12) ? `/delete-node/ ${name};` : `${omit}${maybeLabel(0.4)}${name} ${block(depth + 1)}`);
    }
    return `{ ${members.join(' ')} };`;
  }

  function values(name: string): string {
    if (name.endsWith('phandle') && chance(0.9)) return chance(0.1) ? `<${reference()}>` : `<${below(40) + 1}>`;
    return chance(0.8) ? value() : `${value()}, ${value()}`;
  }

  function value(): string {
    const kind = below(20);
    if (kind < 9) return `<${Array.from({ length: below(3) }, cell).join(' ')}>`;
    if (kind < 12) return pick(['"x"', '"a"', '""', '"b"']);
    if (kind < 14) return '[01 02]';
    if (kind < 15) return '/bits/ 8 <1 2>';
    return kind < 17 && labels.length > 0 ? reference() : `<${below(4)}>`;
  }

  function cell(): string {
    if (labels.length > 0 && chance(0.35)) return reference();
    return chance(0.05) ? `${maybeLabel(1)}${below(9)}` : pick(['1', '0x20', '(-1)', '(1 + 2)']);
  }

  function reference(): string {
    if (chance(0.03)) return `&{/${Array.from({ length: 1 + below(2) }, () => pick(nodeNames)).join('/')}}`;
    if (labels.length === 0 && !isPlugin) return '&{/}';
    return `&${labels.length > 0 && chance(0.98) ? pick(labels) : 'base'}`;
  }

  function maybeLabel(probability: number): string {
    if (!chance(probability)) return '';
    const label = chance(0.97) ? `l${labels.length}` : 'l0';
    labels.push(label);
    return `${label}: `;
  }

  /** Hardly ever a name that the block has already. */
  function unused(names: readonly string[], used: Set<string>): string {
    let name = pick(names);
    for (let tries = 0; tries < 8 && used.has(name); tries++) name = pick(names);
    used.add(name);
    return name;
  }

  function pick<T>(all: readonly T[]): T {
    return all[below(all.length)]!;
  }

  function chance(probability: number): boolean {
    return below(10_000) < probability * 10_000;
  }

  function below(limit: number): number {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(((state >>> 8) / (1 << 24)) * limit);
  }
}

const nodeNames = ['a', 'b', 'c', 'a', 'b', 'c', 'a@1', 'cpus', 'fragment@0', '__symbols__'];
const propertyNames = [...Array.from('pqrpqrpqrpqrpqr'), 'reg', 'reg', 'phandle', 'linux,phandle'];
