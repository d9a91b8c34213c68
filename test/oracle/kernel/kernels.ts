// Which real kernels there are, and where their files lie once setup.ts has made them.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { KernelVersion } from '../../../server/src/iova/kernel-profile';
import { cacheFolder } from '../paths';

export interface RealKernel {
  /** As the command line names it. */
  readonly name: string;
  readonly version: KernelVersion;
  /** Pages of this kernel in bytes, and Debian's flavour of that size. */
  readonly pageSize: bigint;
  readonly flavour: string;
}

export const realKernels: readonly RealKernel[] = [
  { name: '6.12', version: '6.12', pageSize: 0x1000n, flavour: 'arm64' },
  { name: '7.2', version: '7.2', pageSize: 0x1000n, flavour: 'arm64' },
  { name: '6.1', version: '6.1', pageSize: 0x1000n, flavour: 'arm64' },
  { name: '6.12-16k', version: '6.12', pageSize: 0x4000n, flavour: 'arm64-16k' },
];

export function realKernel(name: string): RealKernel | undefined {
  return realKernels.find((kernel) => kernel.name === name);
}

export function kernelsFolder(): string {
  return path.join(cacheFolder(), 'kernels');
}

export interface KernelFiles {
  readonly kernel: RealKernel;
  readonly folder: string;
  readonly image: string;
  readonly initramfs: string;
  /** Modules in the order in which they can be loaded, as unpacked `.ko` files. */
  readonly modules: string;
}

/** Where a kernel's files are, or will be. */
export function kernelFiles(kernel: RealKernel): KernelFiles {
  const folder = path.join(kernelsFolder(), kernel.name);
  return {
    kernel,
    folder,
    image: path.join(folder, 'Image'),
    initramfs: path.join(folder, 'initramfs'),
    modules: path.join(folder, 'modules'),
  };
}

/** A kernel that has been set up, else undefined. */
export function findKernel(kernel: RealKernel): KernelFiles | undefined {
  const files = kernelFiles(kernel);
  return existsSync(files.image) && existsSync(files.initramfs) ? files : undefined;
}

/** The Debian package that a set-up kernel came from. */
export function packageOf({ folder }: KernelFiles): string {
  return readFileSync(path.join(folder, 'package'), 'utf8').trim();
}
