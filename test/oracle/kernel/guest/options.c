#include "guest.h"

#include <stdio.h>
#include <string.h>

const char *option(const char *name)
{
	static char line[8192], value[4096];
	char wanted[64];
	if (!line[0] && !read_file("/proc/cmdline", line, sizeof line))
		return "";
	snprintf(wanted, sizeof wanted, " doorbell.%s=", name);
	const char *found = strstr(line, wanted);
	if (!found)
		return "";
	snprintf(value, sizeof value, "%s", found + strlen(wanted));
	value[strcspn(value, " \n")] = 0;
	return value;
}
