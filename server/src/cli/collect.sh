#!/bin/sh
# Gathers what Linux knows of this machine's IOMMUs into one archive: reserved regions, groups and their devices, the
# flattened devicetree, ACPI tables, /proc/iomem, the kernel's version, page size, command line and VFIO parameters.
#
#   sh collect.sh [OUTPUT]     OUTPUT is doorbell-host.tar.gz unless given; - is the standard output
#
# It writes OUTPUT and a temporary directory that it removes, nothing else. What only root may read is left out without
# root; what is missing is said, here and in the archive. DOORBELL_ROOT is another root directory than /.
# A devicetree and a command line may hold serial numbers, MAC addresses and the like: look before you pass it on.
set -u
umask 077
LC_ALL=C
export LC_ALL
root=${DOORBELL_ROOT:-}
output=${1:-doorbell-host.tar.gz}

fail() {
  echo "collect: $*" >&2
  exit 1
}

for tool in cat cp gzip mkdir mktemp readlink rm tar uname; do
  command -v "$tool" >/dev/null 2>&1 || fail "$tool is needed and not there"
done
temporary=$(mktemp -d "${TMPDIR:-/tmp}/doorbell.XXXXXX") || fail "no temporary directory"
trap 'rm -rf "$temporary"' EXIT
trap 'exit 1' HUP INT TERM
host=$temporary/doorbell-host
mkdir "$host" || fail "no temporary directory"

missing() {
  echo "missing: $*" >>"$host/about"
  echo "collect: missing: $*" >&2
}

# copy FILE NAME: fails where there is no such file; one that cannot be read is said to be missing.
copy() {
  [ -f "$root$1" ] || return 1
  cat "$root$1" >"$host/$2" 2>/dev/null && return 0
  rm -f "$host/$2"
  missing "$1 cannot be read"
}

page_size() {
  if [ -r "$root/proc/self/smaps" ]; then
    while read -r key value _; do
      [ "$key" = KernelPageSize: ] || continue
      echo $((value * 1024))
      return
    done <"$root/proc/self/smaps"
  fi
  getconf PAGESIZE 2>/dev/null
}

release=$(cat "$root/proc/sys/kernel/osrelease" 2>/dev/null || uname -r)
{
  echo "format: 1"
  echo "release: $release"
  echo "machine: $(uname -m)"
} >"$host/about"
size=$(page_size)
if [ -n "$size" ]; then echo "page-size: $size" >>"$host/about"; else missing "the page size"; fi
copy /proc/cmdline cmdline || missing "/proc/cmdline"
if copy /proc/iomem iomem; then
  [ "$(id -u 2>/dev/null)" = 0 ] || missing "the addresses in /proc/iomem, which only root can read"
else
  missing "/proc/iomem"
fi

# The machine's description. The tree of files is there for everybody, the blob for root alone.
described=
if [ -r "$root/sys/firmware/fdt" ] && copy /sys/firmware/fdt fdt; then
  described=yes
elif [ -d "$root/sys/firmware/devicetree/base" ]; then
  mkdir "$host/devicetree"
  cp -R "$root/sys/firmware/devicetree/base/." "$host/devicetree" 2>/dev/null ||
    missing "parts of /sys/firmware/devicetree/base cannot be read"
  described=yes
fi
for table in "$root"/sys/firmware/acpi/tables/*; do
  [ -f "$table" ] || continue
  mkdir -p "$host/acpi"
  copy "/sys/firmware/acpi/tables/${table##*/}" "acpi/${table##*/}" && described=yes
done
[ -n "$described" ] || missing "a devicetree and ACPI tables"

for group in "$root"/sys/kernel/iommu_groups/*; do
  [ -d "$group" ] || continue
  id=${group##*/}
  mkdir -p "$host/iommu_groups/$id"
  for file in reserved_regions type name; do
    copy "/sys/kernel/iommu_groups/$id/$file" "iommu_groups/$id/$file"
  done
done
[ -d "$host/iommu_groups" ] || missing "IOMMU groups: the kernel has none"

# describe DEVICE: its group, place, origin and driver as a line; - for what it has not.
describe() {
  place=$(readlink "$1") || return
  group=$(readlink "$1/iommu_group") || group=-
  driver=$(readlink "$1/driver") || driver=-
  if origin=$(readlink "$1/of_node"); then
    origin=of:${origin#*/devicetree/base}
  elif [ -r "$1/firmware_node/path" ]; then
    origin=acpi:$(cat "$1/firmware_node/path")
  else
    origin=-
  fi
  printf '%s\t%s\t%s\t%s\n' "${group##*/}" "${place#*../devices/}" "$origin" "${driver##*/}"
}

buses="pci platform amba fsl-mc cdx"
for bus in $buses; do
  for device in "$root/sys/bus/$bus/devices"/*; do
    [ -L "$device" ] || continue
    # What no firmware describes and no IOMMU serves is of no interest.
    [ "$bus" = pci ] || [ -L "$device/of_node" ] || [ -L "$device/iommu_group" ] || [ -r "$device/firmware_node/path" ] ||
      continue
    describe "$device"
  done
done >"$host/devices"
for device in "$root"/sys/kernel/iommu_groups/*/devices/*; do
  [ -L "$device" ] || continue
  for bus in $buses; do
    [ -L "$root/sys/bus/$bus/devices/${device##*/}" ] && continue 2
  done
  describe "$device"
done >>"$host/devices"

for parameter in "$root"/sys/module/vfio*/parameters/* "$root"/sys/module/iommufd/parameters/* \
  "$root"/sys/module/arm_smmu*/parameters/* "$root"/sys/module/iommu*/parameters/*; do
  [ -r "$parameter" ] || continue
  module=${parameter%/parameters/*}
  echo "${module##*/}.${parameter##*/}=$(cat "$parameter" 2>/dev/null)"
done >"$host/parameters"

tar -cf "$temporary/host.tar" -C "$temporary" doorbell-host || fail "tar failed"
if [ "$output" = - ]; then
  gzip -c "$temporary/host.tar" || fail "the archive cannot be written"
else
  gzip -c "$temporary/host.tar" >"$output" || fail "$output cannot be written"
  echo "collect: wrote $output" >&2
fi
