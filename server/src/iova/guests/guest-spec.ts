// Guests as the command line names them: `qemu-virt:8G`, `kvmtool:4G@0x100000000`, `q35:8G,max-ram-below-4g=1G`.
import { presetLayout, presetOptions, isPresetName, type GuestLayout, type PresetOptions } from './layout';
import { presetNames } from './presets';

/** RAM of a preset that is named without a size. */
export const defaultRam = 4n << 30n;

export type ParsedGuest =
  | { readonly kind: 'layout'; readonly layout: GuestLayout }
  | { readonly kind: 'wrong'; readonly message: string }
  /** No preset is named so. */
  | { readonly kind: 'unknown' };

/** Reads `NAME[:SIZE[@ADDRESS]][,OPTION…]`. */
export function parseGuest(text: string): ParsedGuest {
  const [head = '', ...options] = text.split(',');
  const colon = head.indexOf(':');
  const name = colon < 0 ? head : head.slice(0, colon);
  if (!isPresetName(name)) return { kind: 'unknown' };
  const wrong = (message: string): ParsedGuest => ({ kind: 'wrong', message });
  const [sizeText, baseText] = colon < 0 ? [undefined, undefined] : split(head.slice(colon + 1), '@');
  const size = sizeText === undefined ? defaultRam : parseSize(sizeText);
  if (size === undefined) return wrong(`${sizeText ?? ''} is no size: write 4G, 512M or 0x100000000`);
  const parsed: { -readonly [Key in keyof PresetOptions]: PresetOptions[Key] } = {};
  if (baseText !== undefined) {
    const base = parseSize(baseText);
    if (base === undefined) return wrong(`${baseText} is no address: write 0x100000000 or 4G`);
    parsed.base = base;
  }
  for (const option of options) {
    const [key, value] = split(option, '=');
    const problem = setOption(parsed, key, value, size);
    if (problem !== undefined) return wrong(problem);
  }
  const refused = Object.keys(parsed).find((key) => !presetOptions(name).includes(key as keyof PresetOptions));
  if (refused !== undefined) return wrong(`${name} has no option ${optionNames[refused as keyof PresetOptions]}`);
  return { kind: 'layout', layout: presetLayout(name, size, parsed) };
}

/** Why a text names no guest that a preset can make; undefined if it does. */
export function presetProblem(text: string): string | undefined {
  const parsed = parseGuest(text);
  if (parsed.kind === 'unknown')
    return `There is no preset "${text}"; presets are ${presetList()}, with a size as in "qemu-virt:8G"`;
  if (parsed.kind === 'wrong') return `"${text}": ${parsed.message}`;
  return parsed.layout.problems[0];
}

const optionNames: Readonly<Record<keyof PresetOptions, string>> = {
  base: '@ADDRESS',
  plugged: 'maxmem=SIZE',
  below4g: 'max-ram-below-4g=SIZE',
  protected: 'protected',
  amd: 'amd',
};

function setOption(
  options: { -readonly [Key in keyof PresetOptions]: PresetOptions[Key] },
  key: string,
  value: string | undefined,
  ram: bigint,
): string | undefined {
  switch (key) {
    case 'protected':
    case 'amd':
      if (value !== undefined) return `${key} takes no value`;
      options[key] = true;
      return undefined;
    case 'maxmem':
    case 'max-ram-below-4g': {
      const size = parseSize(value ?? '');
      if (size === undefined) return `${key} needs a size: ${key}=8G`;
      if (key === 'max-ram-below-4g') options.below4g = size;
      else if (size < ram) return `maxmem=${value ?? ''} is less than the RAM that there is`;
      else options.plugged = size - ram;
      return undefined;
    }
    default:
      return `there is no option ${key}; known are ${Object.values(optionNames).slice(1).join(', ')}`;
  }
}

/** The same guest as an argument of `--guest`; undefined for own layouts. */
export function guestArgument({ preset, size }: GuestLayout): string | undefined {
  if (preset === undefined) return undefined;
  const { base, plugged, below4g, protected: isProtected, amd } = preset.options;
  return [
    `${preset.name}:${sizeText(size)}${base === undefined ? '' : `@0x${base.toString(16)}`}`,
    ...(plugged === undefined ? [] : [`maxmem=${sizeText(size + plugged)}`]),
    ...(below4g === undefined ? [] : [`max-ram-below-4g=${sizeText(below4g)}`]),
    ...(isProtected === true ? ['protected'] : []),
    ...(amd === true ? ['amd'] : []),
  ].join(',');
}

/** What a guest is called where it is to be named again: the user's name for it, or the argument that makes it. */
export function guestLabel(guest: GuestLayout): string {
  return (guest.name === guest.preset?.name ? guestArgument(guest) : undefined) ?? guest.name;
}

/** `--guest` values to choose from, for messages. */
export function presetList(): string {
  return presetNames.join(', ');
}

const suffixes = 'KMGTPE';

/** A number of bytes: `4G`, `1.5GiB`, `0x1000`; below 2^64. A plain decimal could be bytes or MiB, and is none. */
export function parseSize(text: string): bigint | undefined {
  const hexadecimal = /^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt(text) : undefined;
  if (hexadecimal !== undefined) return hexadecimal;
  const match = /^(\d{1,19})(?:\.(\d{1,9}))?([KMGTPE])(?:i?B)?$/i.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', suffix = ''] = match;
  const shift = BigInt(10 * (suffixes.indexOf(suffix.toUpperCase()) + 1));
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(`${whole}${fraction}`) << shift;
  return scaled % scale === 0n && scaled / scale < 1n << 64n ? scaled / scale : undefined;
}

/** The shortest exact way to write a size: `1792M`. */
export function sizeText(size: bigint): string {
  for (let at = suffixes.length; at > 0; at--) {
    const unit = 1n << BigInt(10 * at);
    if (size >= unit && size % unit === 0n) return `${size / unit}${suffixes[at - 1]!}`;
  }
  return `0x${size.toString(16)}`;
}

function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
