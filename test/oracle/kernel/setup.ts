// `npm run kernels:setup -- [NAME…]`: real arm64 kernels out of Debian's packages, each with an initramfs that asks it what it
// reserves. Does nothing where they are there already; a second run at the same time waits for the first.
// Per kernel 60 to 100 MB are fetched once and 30 to 60 MB kept.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { intoPlace, lock, needTools } from '../host-tools';
import { arm64Packages } from './debian';
import type { KernelFiles, RealKernel } from './kernels';
import { findKernel, kernelFiles, kernelsFolder, packageOf, realKernel, realKernels } from './kernels';

/** Loaded before anything is asked; what a kernel has built in, or not at all, is passed over. */
const busModules = ['virtio_pci', 'virtio_mmio', 'virtio-iommu'];
/** Loaded when VFIO is tried. */
const vfioModules = ['iommufd', 'vfio', 'vfio_iommu_type1', 'vfio-pci', 'vfio-platform'];

const guestFolder = path.join(import.meta.dirname, 'guest');

/** Makes what is missing of the given kernels. Those that are not begun when the program has run for `until` ms are left out. */
export async function setUpKernels(kernels: readonly RealKernel[], until = Infinity): Promise<KernelFiles[]> {
  needTools(
    ['qemu-system-aarch64', 'aarch64-linux-gnu-gcc', 'cpio', 'xz', 'dpkg'],
    ['qemu-system-arm', 'gcc-aarch64-linux-gnu', 'libc6-dev-arm64-cross', 'cpio', 'xz-utils'],
  );
  const release = await lock(path.join(kernelsFolder(), 'setup.lock'));
  try {
    return kernels.flatMap((kernel) =>
      findKernel(kernel) !== undefined || performance.now() < until ? setUpKernel(kernel) : [],
    );
  } finally {
    release();
  }
}

function setUpKernel(kernel: RealKernel): KernelFiles {
  const files = kernelFiles(kernel);
  if (!existsSync(files.image)) fetchKernel(files);
  const stamp = createHash('sha256');
  for (const name of readdirSync(guestFolder).sort()) stamp.update(readFileSync(path.join(guestFolder, name)));
  const wanted = stamp.digest('hex');
  const stampFile = path.join(files.folder, 'stamp');
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== wanted) {
    makeInitramfs(files);
    writeFileSync(stampFile, wanted);
  }
  return files;
}

function fetchKernel(files: KernelFiles): void {
  const { kernel } = files;
  console.error(`doorbell: fetching Linux ${kernel.name} (up to 100 MB)`);
  const apt = arm64Packages(path.join(kernelsFolder(), 'apt-arm64'));
  const name = newestPackage(apt.names(`linux-image-${kernel.version}`), kernel);
  if (name === undefined) throw new Error(`Debian has no linux-image-${kernel.version}*-${kernel.flavour}`);
  // Newer packages are two: the image, and the modules.
  const parts = apt.depends(name).filter((each) => /^linux-(binary|modules)-/.test(each));
  intoPlace(files.folder, (folder) => {
    const tree = path.join(folder, 'tree');
    mkdirSync(tree);
    apt.unpack(parts.length > 0 ? parts : [name], tree);
    const all = readdirSync(tree, { recursive: true, encoding: 'utf8' });
    const image = all.find((each) => path.basename(each).startsWith('vmlinuz'));
    if (image === undefined) throw new Error(`${name} holds no kernel`);
    renameSync(path.join(tree, image), path.join(folder, 'Image'));
    const config = all.find((each) => /^config(-|$)/.test(path.basename(each)));
    if (config !== undefined) renameSync(path.join(tree, config), path.join(folder, 'config'));
    takeModules(tree, all, path.join(folder, 'modules'));
    writeFileSync(path.join(folder, 'package'), `${name}\n`);
    rmSync(tree, { recursive: true });
  });
}

/** Of `linux-image-6.12.107+deb13-arm64` and its like the one of the highest version. */
function newestPackage(names: readonly string[], { version, flavour }: RealKernel): string | undefined {
  const pattern = new RegExp(
    `^linux-image-${version.replaceAll('.', '\\.')}(?:[.+][0-9.+~a-z]*)?(?:-[0-9]+)?-${flavour}$`,
  );
  const order = new Intl.Collator('en', { numeric: true });
  return names
    .filter((name) => pattern.test(name))
    .sort(order.compare)
    .at(-1);
}

/** Unpacks the modules that are used, with what they depend on; `order` lists them so that they load. */
function takeModules(tree: string, files: readonly string[], target: string): void {
  mkdirSync(target);
  const byName = new Map<string, string>();
  for (const file of files) {
    const found = /([^/]+)\.ko(?:\.xz)?$/.exec(file);
    if (found !== null) byName.set(found[1]!.replaceAll('-', '_'), path.join(tree, file));
  }
  const order: string[] = [];
  const take = (name: string, kind: string): void => {
    const file = byName.get(name);
    if (file === undefined || order.some((line) => line.startsWith(`${name} `))) return;
    const content = file.endsWith('.xz')
      ? execFileSync('xz', ['-dc', file], { maxBuffer: 1 << 28 })
      : readFileSync(file);
    writeFileSync(path.join(target, `${name}.ko`), content);
    const depends = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? '';
    for (const each of depends.split(',').filter(Boolean)) take(each.replaceAll('-', '_'), kind);
    order.push(`${name} ${kind}`);
  };
  for (const name of busModules) take(name.replaceAll('-', '_'), 'bus');
  for (const name of vfioModules) take(name.replaceAll('-', '_'), 'vfio');
  writeFileSync(path.join(target, 'order'), order.map((line) => `${line}\n`).join(''));
}

/** Process 1 is the program under guest/, linked statically; beside it are the modules. */
function makeInitramfs(files: KernelFiles): void {
  const root = mkdtempSync(path.join(tmpdir(), 'doorbell-initramfs-'));
  try {
    const sources = readdirSync(guestFolder).filter((name) => name.endsWith('.c'));
    const flags = ['-static', '-O1', '-Wall', '-Wextra', '-Werror', '-o', path.join(root, 'init')];
    execFileSync('aarch64-linux-gnu-gcc', [...flags, ...sources.map((name) => path.join(guestFolder, name))], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    cpSync(files.modules, path.join(root, 'modules'), { recursive: true });
    for (const name of ['proc', 'sys', 'dev']) mkdirSync(path.join(root, name));
    const list = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
    const archive = execFileSync('cpio', ['-o', '-H', 'newc', '--quiet'], {
      cwd: root,
      input: list.map((name) => `${name}\n`).join(''),
      maxBuffer: 1 << 28,
    });
    const fresh = `${files.initramfs}.new`;
    writeFileSync(fresh, gzipSync(archive, { level: 1 }));
    renameSync(fresh, files.initramfs);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

if (require.main === module) {
  const names = process.argv.slice(2);
  const chosen = names.length === 0 ? realKernels : names.flatMap((name) => realKernel(name) ?? []);
  setUpKernels(chosen).then(
    (all) => {
      for (const files of all) console.log(`${files.kernel.name}: ${packageOf(files)} in ${files.folder}`);
    },
    (error: unknown) => {
      console.error(
        `doorbell: the kernels cannot be set up: ${error instanceof Error ? error.message : String(error)}`,
      );
      process.exitCode = 1;
    },
  );
}
