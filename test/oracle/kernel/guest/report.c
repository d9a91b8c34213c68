// What the kernel shows in sysfs: groups, their devices and regions, devices without a group, messages.
#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

// The path in ACPI's namespace of what made a device; empty where nothing there did.
static void namespace_path(const char *device, char *buffer, size_t size)
{
	char file[PATH_MAX];
	snprintf(file, sizeof file, "%s/firmware_node/path", device);
	if (!read_file(file, buffer, size))
		*buffer = 0;
	buffer[strcspn(buffer, "\n")] = 0;
}

// "PATH ORIGIN DRIVER": below /sys/devices; "of:" and the tree path, "acpi:" and the object, or "-"; the driver's name, or "-".
static void print_device(const char *device)
{
	char path[PATH_MAX], link[PATH_MAX + 16], node[PATH_MAX], object[PATH_MAX], driver[PATH_MAX];
	real_path(device, path, sizeof path);
	namespace_path(device, object, sizeof object);
	snprintf(link, sizeof link, "%s/of_node", device);
	real_path(link, node, sizeof node);
	snprintf(link, sizeof link, "%s/driver", device);
	real_path(link, driver, sizeof driver);
	const char *base = "/sys/firmware/devicetree/base";
	bool described = !strncmp(node, base, strlen(base));
	printf("%s %s%s %s\n", path + strlen("/sys/devices/"), described ? "of:" : object[0] ? "acpi:" : "-",
	       described ? node + strlen(base) : object, driver[0] ? last_name(driver) : "-");
}

static void report_member(const char *path, void *group)
{
	printf("@@device %s ", (const char *)group);
	print_device(path);
}

static void report_group(const char *path, void *data)
{
	static char text[1 << 20];
	char file[PATH_MAX];
	const char *group = last_name(path);
	(void)data;
	snprintf(file, sizeof file, "%s/type", path);
	read_file(file, text, sizeof text);
	printf("@@group %s %s", group, text);
	snprintf(file, sizeof file, "%s/devices", path);
	each_entry(file, report_member, (void *)group);
	snprintf(file, sizeof file, "%s/reserved_regions", path);
	read_file(file, text, sizeof text);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("@@region %s %s\n", group, line);
}

void report_groups(void)
{
	each_entry("/sys/kernel/iommu_groups", report_group, NULL);
}

static void report_if_ungrouped(const char *path, void *always)
{
	char file[PATH_MAX], object[PATH_MAX];
	snprintf(file, sizeof file, "%s/iommu_group", path);
	if (!access(file, F_OK))
		return;
	snprintf(file, sizeof file, "%s/of_node/iommus", path);
	namespace_path(path, object, sizeof object);
	if (!always && access(file, F_OK) && !object[0])
		return;
	printf("@@ungrouped ");
	print_device(path);
}

void report_ungrouped(void)
{
	static char text[1 << 16];
	each_entry("/sys/bus/pci/devices", report_if_ungrouped, "");
	each_entry("/sys/bus/platform/devices", report_if_ungrouped, NULL);
	each_entry("/sys/bus/amba/devices", report_if_ungrouped, NULL);
	if (!read_file("/sys/kernel/debug/devices_deferred", text, sizeof text))
		return;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		printf("@@deferred %s\n", line);
}

// The tables that doorbell.tables names, by their signatures: "NAME BYTES", in hexadecimal.
void report_tables(void)
{
	char names[256], *rest = names, *name;
	snprintf(names, sizeof names, "%s", option("tables"));
	while ((name = strsep(&rest, ",")) && *name) {
		static unsigned char bytes[1 << 18];
		char file[PATH_MAX];
		snprintf(file, sizeof file, "/sys/firmware/acpi/tables/%s", name);
		int opened = open(file, O_RDONLY);
		if (opened < 0)
			continue;
		printf("@@table %s ", name);
		for (ssize_t got; (got = read(opened, bytes, sizeof bytes)) > 0;)
			for (ssize_t at = 0; at < got; at++)
				printf("%02x", bytes[at]);
		printf("\n");
		close(opened);
	}
}

// Messages about IOMMUs, reservations and the like; doorbell.log=all gives every one.
void report_log(void)
{
	static const char *const words[] = { "iommu", "smmu", "memory region", "reserved mem", "treating", "Cannot reserve",
		"OF: ", "Firmware has", "vfio", "stream", "msi", "IORT", "WARNING", "BUG", "Oops", "remapping" };
	enum { SYSLOG_ACTION_READ_ALL = 3, SIZE = 1 << 20 };
	char *text = calloc(1, SIZE);
	bool all = !strcmp(option("log"), "all");
	if (klogctl(SYSLOG_ACTION_READ_ALL, text, SIZE - 1) < 0)
		return;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		bool wanted = all;
		for (size_t at = 0; at < sizeof words / sizeof *words && !wanted; at++)
			wanted = strcasestr(line, words[at]) && !strstr(line, "Kernel command line");
		if (wanted)
			printf("@@log %s\n", line);
	}
	free(text);
}
