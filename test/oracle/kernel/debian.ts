// arm64 packages of Debian for a host of any architecture.
import { debianPackages, type Apt } from '../debian';

/** Debian 12 has Linux 6.1, 13 has 6.12, backports and unstable what is newer. */
const suites = ['bookworm', 'trixie', 'trixie-backports', 'sid'];

/** Fetches the package lists on first use. */
export function arm64Packages(folder: string): Apt {
  return debianPackages(folder, { architecture: 'arm64', suites });
}
