#define _GNU_SOURCE
#include "guest.h"

#include <fcntl.h>
#include <sched.h>
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

// Devices whose probe was put off get their turn when a module's own have had theirs. On a host with other work to do no time is
// long enough for that; but what is done when nobody else wants the processor is done after them.
static void settle(void)
{
	struct sched_param none = { 0 };
	sched_setscheduler(0, SCHED_IDLE, &none);
	for (int turn = 0; turn < 5; turn++) {
		usleep(50000);
		for (volatile int count = 0; count < 4000000; count++)
			;
	}
	sched_setscheduler(0, SCHED_OTHER, &none);
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
	settle();
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
