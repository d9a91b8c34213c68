#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

// Loads the modules of a kind in the order of the list, which setup.ts has made.
static void load_modules(const char *kind)
{
	static char list[4096];
	char *rest = list, *line;
	if (!read_file("/modules/order", list, sizeof list))
		return;
	while ((line = strsep(&rest, "\n")) && *line) {
		char name[64], of[16], path[96];
		if (sscanf(line, "%63s %15s", name, of) != 2 || strcmp(of, kind))
			continue;
		snprintf(path, sizeof path, "/modules/%s.ko", name);
		int file = open(path, O_RDONLY);
		if (file < 0 || syscall(SYS_finit_module, file, "", 0))
			printf("@@module %s %m\n", name);
		close(file);
	}
}

int main(void)
{
	struct utsname name;
	setvbuf(stdout, NULL, _IOLBF, 0);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("debug", "/sys/kernel/debug", "debugfs", 0, NULL);
	uname(&name);
	printf("\n@@kernel %s\n", name.release);
	load_modules("bus");
	// Devices whose probe was put off get their turn when a module's own have had theirs.
	usleep(300000);
	report_groups();
	report_ungrouped();
	printf("@@reported\n");
	if (!strcmp(option("vfio"), "1")) {
		load_modules("vfio");
		try_vfio();
	}
	report_tables();
	report_log();
	printf("@@end\n");
	fflush(stdout);
	// What the console has not sent yet would be lost with the power.
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
