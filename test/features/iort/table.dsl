// An SMMUv3 and an MMU-500 before an ITS, a root complex and two devices behind them, a counter group of the SMMUv3, and
// memory that the first device keeps using.

// Header
                   Signature : "IORT"
                Table Length : 0000022C
                    Revision : 05
                    Checksum : 73
                      Oem ID : "DOORBL"
                Oem Table ID : "EXAMPLE "
                Oem Revision : 00000001
             Asl Compiler ID : "INTL"
       Asl Compiler Revision : 20260408

                  Node Count : 00000008
                 Node Offset : 00000030
                    Reserved : 00000000

// ITS group, at 30h
                        Type : 00
                      Length : 0018
                    Revision : 01
                  Identifier : 00000000
               Mapping Count : 00000000
              Mapping Offset : 00000000

                    ItsCount : 00000001
                 Identifiers : 00000000

// SMMUv3, at 48h
                        Type : 04
                      Length : 0058
                    Revision : 04
                  Identifier : 00000001
               Mapping Count : 00000001
              Mapping Offset : 00000044

                Base Address : 000000002B400000
       Flags (decoded below) : 00000001
             COHACC Override : 1
               HTTU Override : 0
      Proximity Domain Valid : 0
              DeviceID Valid : 0
                    Reserved : 00000000
               VATOS Address : 0000000000000000
                       Model : 00000000
                  Event GSIV : 0000006A
                    PRI GSIV : 0000006B
                   GERR GSIV : 0000006D
                   Sync GSIV : 0000006C
            Proximity Domain : 00000000
     Device ID Mapping Index : 00000000

                  Input base : 00000000
                    ID Count : 0000FFFF
                 Output Base : 00000000
            Output Reference : 00000030
       Flags (decoded below) : 00000000
              Single Mapping : 0

// MMU-500, at A0h
                        Type : 03
                      Length : 0068
                    Revision : 03
                  Identifier : 00000002
               Mapping Count : 00000001
              Mapping Offset : 00000054

                Base Address : 000000002B600000
                        Span : 0000000000010000
                       Model : 00000003
       Flags (decoded below) : 00000002
               DVM Supported : 0
               Coherent Walk : 1
     Global Interrupt Offset : 0000003C
     Context Interrupt Count : 00000001
    Context Interrupt Offset : 0000004C
         PMU Interrupt Count : 00000000
        PMU Interrupt Offset : 00000054

                     NSgIrpt : 00000080
NSgIrpt Flags (decoded below) : 00000000
              Edge Triggered : 0
                  NSgCfgIrpt : 00000000
NSgCfgIrpt Flags (decoded below) : 00000000
              Edge Triggered : 0
           Context Interrupt : 0000000000000081

                  Input base : 00000000
                    ID Count : 0000FFFF
                 Output Base : 00020000
            Output Reference : 00000030
       Flags (decoded below) : 00000000
              Single Mapping : 0

// Root complex, at 108h
                        Type : 02
                      Length : 0038
                    Revision : 04
                  Identifier : 00000003
               Mapping Count : 00000001
              Mapping Offset : 00000024

           Memory Properties : [IORT Memory Access Properties]
             Cache Coherency : 00000001
       Hints (decoded below) : 00
                   Transient : 0
              Write Allocate : 0
               Read Allocate : 0
                    Override : 0
                    Reserved : 0000
Memory Flags (decoded below) : 03
                   Coherency : 1
            Device Attribute : 1
Ensured Coherency of Accesses : 0
               ATS Attribute : 00000000
          PCI Segment Number : 00000000
           Memory Size Limit : 40
          PASID Capabilities : 0000
                    Reserved : 00

                  Input base : 00000000
                    ID Count : 0000FFFF
                 Output Base : 00000000
            Output Reference : 00000048
       Flags (decoded below) : 00000000
              Single Mapping : 0

// Named component DMA0, at 140h
                        Type : 01
                      Length : 0040
                    Revision : 04
                  Identifier : 00000004
               Mapping Count : 00000001
              Mapping Offset : 0000002C

                  Node Flags : 00000000
           Memory Properties : [IORT Memory Access Properties]
             Cache Coherency : 00000001
       Hints (decoded below) : 00
                   Transient : 0
              Write Allocate : 0
               Read Allocate : 0
                    Override : 0
                    Reserved : 0000
Memory Flags (decoded below) : 03
                   Coherency : 1
            Device Attribute : 1
Ensured Coherency of Accesses : 0
           Memory Size Limit : 28
                 Device Name : "\_SB_.DMA0"
                     Padding : 00 00 00 00

                  Input base : 00000000
                    ID Count : 00000000
                 Output Base : 00000001
            Output Reference : 000000A0
       Flags (decoded below) : 00000001
              Single Mapping : 1

// Named component GPU0, at 180h
                        Type : 01
                      Length : 0040
                    Revision : 04
                  Identifier : 00000005
               Mapping Count : 00000001
              Mapping Offset : 0000002C

                  Node Flags : 00000000
           Memory Properties : [IORT Memory Access Properties]
             Cache Coherency : 00000001
       Hints (decoded below) : 00
                   Transient : 0
              Write Allocate : 0
               Read Allocate : 0
                    Override : 0
                    Reserved : 0000
Memory Flags (decoded below) : 03
                   Coherency : 1
            Device Attribute : 1
Ensured Coherency of Accesses : 0
           Memory Size Limit : 28
                 Device Name : "\_SB_.GPU0"
                     Padding : 00 00 00 00

                  Input base : 00000000
                    ID Count : 00000000
                 Output Base : 00000000
            Output Reference : 000000A0
       Flags (decoded below) : 00000001
              Single Mapping : 1

// PMCG, at 1C0h
                        Type : 05
                      Length : 0028
                    Revision : 02
                  Identifier : 00000006
               Mapping Count : 00000000
              Mapping Offset : 00000000

         Page 0 Base Address : 000000002B440000
     Overflow Interrupt GSIV : 00000070
              Node Reference : 00000048
         Page 1 Base Address : 000000002B450000

// RMR, at 1E8h
                        Type : 06
                      Length : 0044
                    Revision : 03
                  Identifier : 00000007
               Mapping Count : 00000001
              Mapping Offset : 00000030

       Flags (decoded below) : 00000001
         Remapping Permitted : 1
           Access Privileged : 0
           Access Attributes : 00
   Number of RMR Descriptors : 00000001
       RMR Descriptor Offset : 0000001C

         Base Address of RMR : 0000000090000000
               Length of RMR : 0000000000100000
                    Reserved : 00000000

                  Input base : 00000000
                    ID Count : 00000000
                 Output Base : 00000001
            Output Reference : 000000A0
       Flags (decoded below) : 00000000
              Single Mapping : 0
