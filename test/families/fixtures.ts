// Small trees of our own, each in the idiom of a family of real ones.

export interface Family {
  readonly name: string;
  /** See test/workspace/folder.ts. */
  readonly files: string;
  readonly board: string;
  readonly overlays?: readonly string[];
  /** The overlay is applied as fdtoverlay does, and is a unit of its own. */
  readonly isPlugin?: boolean;
  /** What the family's build searches and reads besides the board. */
  readonly includePaths?: readonly string[];
  readonly appended?: readonly string[];
  /** Of the tree, with overlays: node and property, its first string or cell; undefined where there must be none. */
  readonly expected: Readonly<Record<string, string | number | undefined>>;
}

const hatBase = `
  //- kite.dts
  /dts-v1/;
  / {
    #address-cells = <1>;
    #size-cells = <1>;
    compatible = "acorn,kite";
    soc {
      #address-cells = <1>;
      #size-cells = <1>;
      compatible = "simple-bus";
      ranges;
      pins: gpio@1000 {
        compatible = "acorn,gpio";
        reg = <0x1000 0x100>;
        gpio-controller;
        #gpio-cells = <2>;
      };
      bus_arm: i2c@2000 {
        compatible = "acorn,i2c";
        reg = <0x2000 0x100>;
        #address-cells = <1>;
        #size-cells = <0>;
        status = "disabled";
      };
      bus_cam: i2c@3000 {
        compatible = "acorn,i2c";
        reg = <0x3000 0x100>;
        #address-cells = <1>;
        #size-cells = <0>;
        status = "disabled";
      };
    };
    cam_clock: clock-camera {
      compatible = "fixed-clock";
      #clock-cells = <0>;
      clock-frequency = <1000000>;
    };
  };
`;

export const families: readonly Family[] = [
  {
    name: 'an overlay with fragments, dormant ones and overrides, as Raspberry Pi has them',
    files: `${hatBase}
      //- probe-overlay.dts
      // A thermometer and its alarm
      /dts-v1/;
      /plugin/;

      /{
        compatible = "acorn,kite";

        bus_frag: fragment@0 {
          target = <&bus_arm>;
          hat_bus: __overlay__ {
            #address-cells = <1>;
            #size-cells = <0>;
            status = "okay";

            #include "probe.dtsi"
          };
        };

        fragment@1 {
          target = <&pins>;
          __overlay__ {
            alarm_pins: alarm_pins@17 {
              acorn,pins = <17 27>; // in, out
            };
          };
        };

        fragment@2 {
          target = <&hat_bus>;
          __dormant__ {
            quiet;
          };
        };

        fragment@3 {
          target-path = "/";
          __overlay__ {
            alarm@0 {
              compatible = "acorn,alarm";
              pinctrl-0 = <&alarm_pins>;
              gpios = <&pins 17 0>;
            };
          };
        };

        __overrides__ {
          addr =    <&probe>,"reg:0", <&alarm_pins>,"reg:0";
          frag =    <&bus_frag>, "target:0=",<&bus_cam>,
                    <&bus_frag>, "target?=0",
                    <&bus_frag>, "target-path=i2c3";
          noreg =   <&probe>,"?reg:0";
          quiet =   <0>,"+2-1!3=2";
          wake =    <&probe>,"wakeup-source?";
          rate =    <&probe>,"acorn,rate:0{slow=1,fast=0x10,'none'=0}", <&probe>,"acorn,label";
          bytes =   <&probe>,"acorn,table[=0123456789abcdef";
          clock =   <&probe>,"clocks:0=",<&cam_clock>,
                    /* both */ <&probe>,"clocks:4=",[00 00 00 01];
        };
      };

      &probe {
        status = "okay";
      };
      //- probe.dtsi
      probe: probe@48 {
        compatible = "acorn,probe";
        reg = <0x48>;
        clocks = <&cam_clock>;
        acorn,rate = <4>;
        acorn,table = [01 02], /bits/ 8 <3>;
        status = "disabled";
      };
    `,
    board: 'kite.dts',
    overlays: ['probe-overlay.dts'],
    isPlugin: true,
    expected: {
      '/soc/i2c@2000 status': 'okay',
      '/soc/i2c@2000/probe@48 status': 'okay',
      '/soc/i2c@2000/probe@48 reg': 0x48,
      '/soc/i2c@2000 quiet': undefined,
      '/soc/i2c@3000 status': 'disabled',
      '/soc/gpio@1000/alarm_pins@17 acorn,pins': 17,
      '/alarm@0 compatible': 'acorn,alarm',
    },
  },
  {
    name: 'an overlay that includes another and has no header of its own',
    files: `${hatBase}
      //- clock-overlay.dts
      /dts-v1/;
      /plugin/;

      / {
        compatible = "acorn,kite";
        fragment@0 {
          target = <&cam_clock>;
          frag0: __overlay__ {
            clock-frequency = <12000000>;
          };
        };
        __overrides__ {
          fast = <&frag0>,"clock-frequency:0=",<48000000>;
        };
      };
      //- clock-kite2-overlay.dts
      // For the second board
      #include "clock-overlay.dts"

      &frag0 {
        clock-frequency = <(24 * 1000 * 1000)>;
      };

      / {
        compatible = "acorn,kite2";

        fragment@1 {
          target = <&bus_cam>;
          __dormant__  {
            dmas;
          };
        };
        __overrides__ {
          nodma = <0>,"=1";
          half = <0>, "!0",
                 <&frag0>, "status";
        };
      };
    `,
    board: 'kite.dts',
    overlays: ['clock-kite2-overlay.dts'],
    isPlugin: true,
    expected: {
      '/clock-camera clock-frequency': 24000000,
      '/soc/i2c@3000 dmas': undefined,
      '/fragment@0': undefined,
    },
  },
  {
    name: 'an overlay of references to labels alone',
    files: `${hatBase}
      //- camera.dtso
      /dts-v1/;
      /plugin/;

      &bus_cam {
        #address-cells = <1>;
        #size-cells = <0>;
        status = "okay";

        eye: camera@1a {
          compatible = "acorn,eye";
          reg = <0x1a>;
          clocks = <&cam_clock>;
        };
      };

      &cam_clock {
        clock-frequency = <24000000>;
        acorn,user = <&eye>;
      };

      &{/soc/gpio@1000} {
        acorn,camera;
      };
    `,
    board: 'kite.dts',
    overlays: ['camera.dtso'],
    isPlugin: true,
    expected: {
      '/soc/i2c@3000 status': 'okay',
      '/soc/i2c@3000/camera@1a compatible': 'acorn,eye',
      '/soc/i2c@2000 status': 'disabled',
      '/clock-camera clock-frequency': 24000000,
    },
  },
  {
    name: 'a board of U-Boot with what its build adds',
    files: `
      //- include/u-boot/
      //- include/dt-bindings/clock/raft.h
      #define RAFT_UART	3
      //- arch/arm/dts/raft.dtsi
      #include <dt-bindings/clock/raft.h>
      / {
        #address-cells = <1>;
        #size-cells = <1>;
        clk: clock { #clock-cells = <1>; };
        uart: serial@100 {
          reg = <0x100 0x10>;
          clocks = <&clk RAFT_UART>;
          status = "disabled";
        };
        extra: spare { };
      };
      //- arch/arm/dts/raft-evk.dts
      /dts-v1/;
      #include "raft.dtsi"
      / { chosen { stdout-path = &uart; }; };
      &uart { status = "okay"; };
      //- arch/arm/dts/raft-evk-u-boot.dtsi
      #include "raft-u-boot.dtsi"
      &uart { clock-frequency = <(24 * 1000 * 1000)>; };
      /delete-node/ &extra;
      //- arch/arm/dts/raft-u-boot.dtsi
      &{/serial@100} { bootph-all; };
      / { config { u-boot,boot-led = "one"; }; };
      //- arch/arm/dts/u-boot.dtsi
      / { config { u-boot,boot-led = "never read"; }; };
    `,
    board: 'arch/arm/dts/raft-evk.dts',
    includePaths: ['include', 'arch/arm/dts'],
    appended: ['arch/arm/dts/raft-evk-u-boot.dtsi'],
    expected: {
      '/serial@100 status': 'okay',
      '/serial@100 clock-frequency': 24000000,
      '/serial@100 bootph-all': '',
      '/chosen stdout-path': '/serial@100',
      '/config u-boot,boot-led': 'one',
      '/spare': undefined,
    },
  },
  {
    name: 'a board of Zephyr with an application beside it',
    files: `
      //- .west/
      //- zephyr/dts/bindings/
      //- zephyr/dts/common/mem.h
      #define DT_SIZE_K(x) ((x) * 1024)
      //- zephyr/dts/common/skeleton.dtsi
      / { #address-cells = <1>; #size-cells = <1>; chosen { }; aliases { }; };
      //- zephyr/dts/arm/armv7x.dtsi
      #include "skeleton.dtsi"
      / { soc { #address-cells = <1>; #size-cells = <1>; compatible = "simple-bus"; ranges; }; };
      //- zephyr/dts/arm/sail/sail52.dtsi
      #include <arm/armv7x.dtsi>
      #include <zephyr/dt-bindings/gpio/gpio.h>
      / {
        soc {
          sram0: memory@20000000 { compatible = "mmio-sram"; };
          gpio0: gpio@500 { reg = <0x500 0x100>; gpio-controller; #gpio-cells = <2>; };
        };
      };
      //- zephyr/include/zephyr/dt-bindings/gpio/gpio.h
      #define GPIO_ACTIVE_LOW	(1 << 0)
      #define GPIO_PULL_UP	(1 << 4)
      //- zephyr/boards/sail/sail_dk/board.yaml
      identifier: sail_dk
      arch: arm
      //- zephyr/boards/sail/sail_dk/sail_dk.dts
      /dts-v1/;
      #include <arm/sail/sail52.dtsi>
      #include <mem.h>
      / {
        model = "Sail DK";
        chosen { zephyr,sram = &sram0; };
        buttons { compatible = "gpio-keys"; button0: button_0 { gpios = <&gpio0 11 (GPIO_PULL_UP | GPIO_ACTIVE_LOW)>; }; };
        aliases { sw0 = &button0; };
      };
      &sram0 { reg = <0x20000000 DT_SIZE_K(64)>; };
      //- app/prj.conf
      CONFIG_GPIO=y
      //- app/boards/sail_dk.overlay
      #include <zephyr/dt-bindings/gpio/gpio.h>
      / {
        zephyr,user { io-gpios = <&gpio0 5 GPIO_ACTIVE_LOW>; };
      };
      &sram0 { reg = <0x20000000 DT_SIZE_K(32)>; };
      /delete-node/ &button0;
      / { aliases { /delete-property/ sw0; }; };
    `,
    board: 'zephyr/boards/sail/sail_dk/sail_dk.dts',
    overlays: ['app/boards/sail_dk.overlay'],
    includePaths: ['zephyr/include', 'zephyr/include/zephyr', 'zephyr/dts/common', 'zephyr/dts/arm', 'zephyr/dts'],
    appended: ['app/boards/sail_dk.overlay'],
    expected: {
      '/ model': 'Sail DK',
      '/chosen zephyr,sram': '/soc/memory@20000000',
      '/soc/memory@20000000 reg': 0x20000000,
      '/zephyr,user io-gpios': 1,
      '/buttons/button_0': undefined,
      '/aliases sw0': undefined,
    },
  },
  {
    name: 'a board of barebox upon the boards of Linux',
    files: `
      //- include/barebox-info.h
      //- dts/include/dt-bindings/clock/oak.h
      #define OAK_SPI 7
      //- dts/src/arm/acme/oak.dtsi
      #include <dt-bindings/clock/oak.h>
      / {
        #address-cells = <1>;
        #size-cells = <1>;
        clks: clocks { #clock-cells = <1>; };
        spi: spi@700 { reg = <0x700 0x100>; clocks = <&clks OAK_SPI>; status = "disabled"; };
      };
      //- dts/src/arm/acme/oak-mini.dts
      /dts-v1/;
      #include "oak.dtsi"
      / { model = "Oak Mini"; };
      //- arch/arm/dts/oak.dtsi
      / { barebox,environment { barebox,device = &spi; }; };
      //- arch/arm/dts/oak-mini.dts
      #include <arm/acme/oak-mini.dts>
      #include "oak.dtsi"
      &spi { status = "okay"; };
    `,
    board: 'arch/arm/dts/oak-mini.dts',
    includePaths: ['include', 'dts/include', 'dts/src'],
    expected: {
      '/ model': 'Oak Mini',
      '/spi@700 status': 'okay',
      '/spi@700 clocks': 1,
      '/barebox,environment barebox,device': '/spi@700',
    },
  },
];
