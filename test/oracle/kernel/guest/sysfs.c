#define _GNU_SOURCE
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool read_file(const char *path, char *buffer, size_t size)
{
	int file = open(path, O_RDONLY);
	size_t length = 0;
	if (file < 0)
		return false;
	for (;;) {
		ssize_t got = read(file, buffer + length, size - 1 - length);
		if (got <= 0)
			break;
		length += got;
	}
	close(file);
	buffer[length] = 0;
	return true;
}

bool write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);
	if (file < 0)
		return false;
	bool good = write(file, text, strlen(text)) == (ssize_t)strlen(text);
	close(file);
	return good;
}

void real_path(const char *path, char *buffer, size_t size)
{
	char found[PATH_MAX];
	snprintf(buffer, size, "%s", realpath(path, found) ? found : "");
}

static int in_order(const struct dirent **one, const struct dirent **other)
{
	return strverscmp((*one)->d_name, (*other)->d_name);
}

void each_entry(const char *folder, void (*call)(const char *path, void *data), void *data)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, in_order);
	for (int at = 0; at < count; at++) {
		char path[PATH_MAX];
		snprintf(path, sizeof path, "%s/%s", folder, entries[at]->d_name);
		if (entries[at]->d_name[0] != '.')
			call(path, data);
		free(entries[at]);
	}
	if (count >= 0)
		free(entries);
}

const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}
