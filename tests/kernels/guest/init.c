// SPDX-License-Identifier: Apache-2.0
#include "guest.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static FILE *results;
static char explanation[256];

/* The second serial port: the kernel writes to the first. */
static void open_ports(void)
{
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	freopen("/dev/ttyS0", "w", stdout);
	freopen("/dev/ttyS0", "w", stderr);
	setvbuf(stdout, NULL, _IOLBF, 0);
	results = fopen("/dev/ttyS1", "w");
	if (!results)
		die("no second serial port: %m");
	setvbuf(results, NULL, _IOLBF, 0);
}

/* With -no-reboot the virtual machine ends. */
static void end_machine(void)
{
	fflush(NULL);
	if (results)
		fsync(fileno(results));
	sync();
	reboot(RB_AUTOBOOT);
}

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	if (getpid() == 1)
		end_machine();
	_exit(1);
}

void explain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(explanation, sizeof(explanation), format, arguments);
	va_end(arguments);
}

void report(bool passed, const char *format, ...)
{
	char name[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	fprintf(results, "%s\t%s\t%s\n", passed ? "ok" : "FAIL", name, passed ? "" : explanation);
	explanation[0] = 0;
}

static void mount_file_systems(void)
{
	static const char *const types[][2] = {
	    {"proc", "/proc"}, {"sysfs", "/sys"}, {"cgroup2", CGROUPS}, {"bpf", "/sys/fs/bpf"}};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		mkdir(types[i][1], 0755);
		if (mount(types[i][0], types[i][1], types[i][0], 0, NULL))
			die("mount %s: %m", types[i][0]);
	}
}

static void make_cgroups(void)
{
	static const char *const paths[] = {OUTSIDE, KUBEPODS, KUBEPODS "/burstable", POD,
					    POD "/container"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		if (mkdir(paths[i], 0755))
			die("mkdir %s: %m", paths[i]);
	}
}

static void insert_module(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0 || syscall(SYS_finit_module, file, "", 0))
		die("insert %s: %m", path);
	close(file);
}

int main(void)
{
	open_ports();
	mount_file_systems();
	make_cgroups();
	insert_module("/modules/inet_diag.ko");
	insert_module("/modules/udp_diag.ko");
	set_up_network();
	start_servers();
	if (load_and_pin()) {
		check_hooks();
		check_choice();
		check_cgroups();
		check_upkeep();
	}
	fputs("end\n", results);
	end_machine();
}
