// doorbell collect
import type { Command } from 'commander';
import script from './collect.sh';

export function addCollect(program: Command): void {
  program
    .command('collect')
    .description(
      'print the shell script that gathers a real machine’s IOMMU groups, firmware tables and kernel version',
    )
    .addHelpText(
      'after',
      '\nOn the machine: sh collect.sh, as root for all of it. Every other verb takes the archive that it writes.',
    )
    .action(() => {
      process.stdout.write(script);
    });
}
