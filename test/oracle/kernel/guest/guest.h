// Process 1 of a kernel under test: asks the kernel what it made of the device tree or ACPI tables and prints it for the host.
// Every line for the host starts with "@@"; console.ts reads them.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// options.c: words "doorbell.NAME=VALUE" of the kernel's command line.
const char *option(const char *name);

// sysfs.c
bool read_file(const char *path, char *buffer, size_t size);
bool write_file(const char *path, const char *text);
void real_path(const char *path, char *buffer, size_t size);
// Calls back with the full path of each entry of a folder, in the order of numbers, then of names.
void each_entry(const char *folder, void (*call)(const char *path, void *data), void *data);
const char *last_name(const char *path);

// report.c
void report_groups(void);
void report_ungrouped(void);
void report_tables(void);
void report_log(void);

// vfio.c
void try_vfio(void);
