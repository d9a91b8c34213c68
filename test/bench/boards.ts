// The boards that speed is measured on: the largest and the most typical users of IOMMUs in Linux.
import path from 'node:path';

export interface BenchBoard {
  readonly name: string;
  readonly file: string;
  /** The file that describes the chip, included by the board. */
  readonly soc: string;
}

export function benchBoards(linux: string): readonly BenchBoard[] {
  const board = (vendor: string, name: string, soc: string): BenchBoard => {
    const folder = path.join(linux, 'arch/arm64/boot/dts', vendor);
    return { name, file: path.join(folder, `${name}.dts`), soc: path.join(folder, soc) };
  };
  return [
    board('qcom', 'sm8550-mtp', 'sm8550.dtsi'),
    board('nvidia', 'tegra234-p3737-0000+p3701-0000', 'tegra234.dtsi'),
    board('freescale', 'fsl-lx2160a-rdb', 'fsl-lx2160a.dtsi'),
    board('arm', 'juno-r2', 'juno-base.dtsi'),
    board('apple', 't6001-j316c', 't600x-die0.dtsi'),
    board('ti', 'k3-am654-base-board', 'k3-am65-main.dtsi'),
  ];
}
