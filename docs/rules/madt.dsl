// The MADT beside iort.dsl: a GICv3 with two ITS.

                   Signature : "APIC"
                Table Length : 0000007C
                    Revision : 05
                    Checksum : 6C
                      Oem ID : "DOORBL"
                Oem Table ID : "EXAMPLE "
                Oem Revision : 00000001
             Asl Compiler ID : "INTL"
       Asl Compiler Revision : 20260408

          Local Apic Address : 00000000
       Flags (decoded below) : 00000000
         PC-AT Compatibility : 0

               Subtable Type : 0C
                      Length : 18
                    Reserved : 0000
       Local GIC Hardware ID : 00000000
                Base Address : 000000002F000000
              Interrupt Base : 00000000
                     Version : 03
                    Reserved : 000000

               Subtable Type : 0F
                      Length : 14
                    Reserved : 0000
              Translation ID : 00000000
                Base Address : 000000002F020000
                    Reserved : 00000000

               Subtable Type : 0F
                      Length : 14
                    Reserved : 0000
              Translation ID : 00000001
                Base Address : 000000002F040000
                    Reserved : 00000000

               Subtable Type : 0E
                      Length : 10
                    Reserved : 0000
                Base Address : 000000002F100000
                      Length : 00200000
