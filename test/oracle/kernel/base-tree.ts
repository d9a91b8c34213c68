// What QEMU's `virt` machine has and every random tree needs: CPU, memory, clock, console, GICv3 with its ITS.

/** Around the nodes of a case: the SMMU, the host bridge, buses, masters, regions. */
export function baseTree(nodes: string): string {
  return `/dts-v1/;
/ {
	compatible = "linux,dummy-virt";
	model = "doorbell,random";
	#address-cells = <2>;
	#size-cells = <2>;
	interrupt-parent = <&gic>;
	chosen { stdout-path = "/pl011@9000000"; };
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
	};
	psci { compatible = "arm,psci-1.0", "arm,psci-0.2", "arm,psci"; method = "hvc"; };
	timer {
		compatible = "arm,armv8-timer";
		interrupts = <1 13 4>, <1 14 4>, <1 11 4>, <1 10 4>;
		always-on;
	};
	clock: apb-pclk { compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <24000000>; };
	pl011@9000000 {
		compatible = "arm,pl011", "arm,primecell";
		reg = <0 0x9000000 0 0x1000>;
		interrupts = <0 1 4>;
		clocks = <&clock>, <&clock>;
		clock-names = "uartclk", "apb_pclk";
	};
	gic: intc@8000000 {
		compatible = "arm,gic-v3";
		reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0xf60000>;
		interrupt-controller;
		#interrupt-cells = <3>;
		#redistributor-regions = <1>;
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		its: its@8080000 { compatible = "arm,gic-v3-its"; reg = <0 0x8080000 0 0x20000>; msi-controller; #msi-cells = <1>; };
	};
${nodes}};
`;
}
