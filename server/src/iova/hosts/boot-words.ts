// What a kernel was told at boot that decides over its IOMMUs and groups.

/** Prefixes of kernel parameters (Documentation/admin-guide/kernel-parameters.txt) and of those of modules. */
const telling =
  /^(?:acpi|arm[-_]smmu(?:[-_]v3)?|initcall_blacklist|iommu|iommufd|modprobe\.blacklist|module_blacklist|pci|pcie_acs_override|vfio\w*|virtio[-_]iommu)(?:[.=]|$)/;

/** The words of a kernel's command line that groups and reserved regions may depend on. */
export function bootWords(commandLine: string | undefined): string[] {
  return commandLine?.split(/\s+/).filter((word) => telling.test(word)) ?? [];
}
