// What VFIO (type 1) offers and refuses for the PCI functions of each group: the attach, the usable ranges, the maps of
// doorbell.maps=IOVA:SIZE,…; then all groups in one container, after the maps of doorbell.premaps.
#define _GNU_SOURCE
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vfio.h>

static const char *error_name(void)
{
	return strerrorname_np(errno);
}

enum { MEMORY = 1 << 28 };
static char *memory; // behind every map; never touched

static void print_ranges(int container, const char *word, const char *group)
{
	static char buffer[1 << 16];
	struct vfio_iommu_type1_info *info = (void *)buffer;
	memset(buffer, 0, sizeof buffer);
	info->argsz = sizeof buffer;
	if (ioctl(container, VFIO_IOMMU_GET_INFO, info))
		return;
	for (uint32_t at = info->flags & VFIO_IOMMU_INFO_CAPS ? info->cap_offset : 0; at;) {
		struct vfio_info_cap_header *header = (void *)(buffer + at);
		struct vfio_iommu_type1_info_cap_iova_range *ranges = (void *)header;
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			for (uint32_t n = 0; n < ranges->nr_iovas; n++)
				printf("@@%s-range %s 0x%016llx 0x%016llx\n", word, group, ranges->iova_ranges[n].start,
				       ranges->iova_ranges[n].end);
		at = header->next;
	}
}

static void try_maps(int container, const char *maps, const char *word, const char *group, bool keep)
{
	char *copy = strdup(maps), *rest = copy, *text;
	while ((text = strsep(&rest, ",")) && *text) {
		struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map, .vaddr = (uintptr_t)memory,
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE };
		char *colon;
		map.iova = strtoull(text, &colon, 0);
		map.size = *colon ? strtoull(colon + 1, NULL, 0) : 0x1000;
		bool good = map.size <= MEMORY && !ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
		printf("@@%s-map %s 0x%llx 0x%llx %s\n", word, group, map.iova, map.size,
		       good ? "ok" : map.size > MEMORY ? "untried" : error_name());
		struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .iova = map.iova, .size = map.size };
		if (good && !keep)
			ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	}
	free(copy);
}

static int open_group(const char *group)
{
	char path[64];
	snprintf(path, sizeof path, "/dev/vfio/%s", group);
	return open(path, O_RDWR);
}

// Puts a group into a container and says how it went. The group is left open: closing it would take it out again.
static bool attach(int container, int file, const char *group, const char *word, bool first)
{
	struct vfio_group_status status = { .argsz = sizeof status };
	const char *step = NULL;
	if (file < 0)
		step = "open";
	else if (ioctl(file, VFIO_GROUP_GET_STATUS, &status) || !(status.flags & VFIO_GROUP_FLAGS_VIABLE)) {
		printf("@@%s %s not-viable\n", word, group);
		return false;
	} else if (ioctl(file, VFIO_GROUP_SET_CONTAINER, &container))
		step = "SET_CONTAINER";
	else if (first && ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU)) {
		step = "SET_IOMMU";
	}
	if (!step) {
		printf("@@%s %s ok\n", word, group);
		return true;
	}
	printf("@@%s %s %s %s\n", word, group, step, error_name());
	if (!strcmp(step, "SET_IOMMU"))
		ioctl(file, VFIO_GROUP_UNSET_CONTAINER, &container);
	return false;
}

static void try_alone(const char *group)
{
	int container = open("/dev/vfio/vfio", O_RDWR), file = open_group(group);
	if (attach(container, file, group, "alone", true)) {
		print_ranges(container, "alone", group);
		try_maps(container, option("maps"), "alone", group, false);
	}
	close(file);
	close(container);
}

static void try_together(char groups[][16], int count)
{
	int container = open("/dev/vfio/vfio", O_RDWR);
	bool first = true;
	for (int at = 0; at < count; at++) {
		int file = open_group(groups[at]);
		if (!attach(container, file, groups[at], "joint", first))
			continue;
		if (first)
			try_maps(container, option("premaps"), "joint", groups[at], true);
		print_ranges(container, "joint", groups[at]);
		first = false;
	}
}

// Gives a PCI function to vfio-pci; bridges stay with their driver.
static void bind_function(const char *path, void *bound)
{
	char device[PATH_MAX], file[PATH_MAX + 64], text[32];
	snprintf(device, sizeof device, "/sys/bus/pci/devices/%s", last_name(path));
	snprintf(file, sizeof file, "%s/class", device);
	if (!read_file(file, text, sizeof text) || !strncmp(text, "0x06", 4))
		return;
	snprintf(file, sizeof file, "%s/driver_override", device);
	write_file(file, "vfio-pci");
	snprintf(file, sizeof file, "%s/driver/unbind", device);
	write_file(file, last_name(path));
	write_file("/sys/bus/pci/drivers_probe", last_name(path));
	*(bool *)bound = true;
}

struct chosen {
	char groups[256][16];
	int count;
};

static void choose_group(const char *path, void *data)
{
	struct chosen *chosen = data;
	char devices[PATH_MAX];
	bool bound = false;
	snprintf(devices, sizeof devices, "%s/devices", path);
	each_entry(devices, bind_function, &bound);
	if (bound && chosen->count < 256)
		snprintf(chosen->groups[chosen->count++], 16, "%s", last_name(path));
}

void try_vfio(void)
{
	static struct chosen chosen;
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!strcmp(option("unsafe"), "1"))
		write_file("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "1");
	each_entry("/sys/kernel/iommu_groups", choose_group, &chosen);
	for (int at = 0; at < chosen.count; at++)
		try_alone(chosen.groups[at]);
	if (chosen.count > 1)
		try_together(chosen.groups, chosen.count);
}
