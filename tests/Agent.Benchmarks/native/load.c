// SPDX-License-Identifier: Apache-2.0
/*
 * The load generator: asks one server a fixed number of questions and checks each reply. Closed
 * loop: a fixed number in flight. Open loop (-r): a fixed rate, latency counted from the moment a
 * query was due, so that a server that stalls does not slow the questions down and hide it. Prints
 * one line of JSON. Exit status 0 whatever the server answered, 1 if it could not be asked, 2 for
 * wrong usage.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: load [options] ADDRESS PORT\n"
    "  -t N     TCP, over N connections (default: UDP)\n"
    "  -o N     closed loop with N queries in flight (64)\n"
    "  -r RATE  open loop with RATE queries a second\n"
    "  -q N     queries to send (100000)\n"
    "  -n N     N names, asked at random; 0: a new name for each query (1000)\n"
    "  -f N     number of the first name (0)\n"
    "  -e       with EDNS, as dig sends it\n"
    "  -p PID   measure the CPU time of this process\n";

static struct run run;

static void parse(struct options *o, int argc, char **argv);
static void print_report(uint64_t wall, uint64_t server_cpu);

/* All threads of the process, those that have ended too, in ns; clock_getcpuclockid(3). */
static uint64_t cpu_time(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (!pid)
		return 0;
	errno = clock_getcpuclockid(pid, &clock);
	if (errno || clock_gettime(clock, &t))
		die("CPU clock of the server");
	return t.tv_sec * SECOND + t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t cpu, wall;

	parse(&run.options, argc, argv);
	prctl(PR_SET_TIMERSLACK, 1); /* else each pause is 50 us longer than asked for */
	run.random = 88172645463325252ull;

	cpu = cpu_time(run.options.server_pid);
	wall = now_ns();
	if (run.options.tcp)
		load_tcp(&run);
	else
		load_udp(&run);
	print_report(now_ns() - wall, cpu_time(run.options.server_pid) - cpu);
	return 0;
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || end == text || value > max) {
		fprintf(stderr, "load: not a number up to %lu: %s\n", max, text);
		exit(2);
	}
	return value;
}

static void parse(struct options *o, int argc, char **argv)
{
	int c;

	o->outstanding = 64;
	o->count = 100000;
	o->names = 1000;
	while ((c = getopt(argc, argv, "t:o:r:q:n:f:ep:")) != -1) {
		switch (c) {
		case 't':
			o->tcp = true;
			o->connections = number(optarg, MAX_CONNECTIONS);
			break;
		case 'o':
			o->outstanding = number(optarg, SLOTS / 2);
			break;
		case 'r':
			o->rate = number(optarg, 10000000);
			break;
		case 'q':
			o->count = number(optarg, 1000000000);
			break;
		case 'n':
			o->names = number(optarg, 1000000000);
			break;
		case 'f':
			o->first = number(optarg, UINT32_MAX);
			break;
		case 'e':
			o->edns = true;
			break;
		case 'p':
			o->server_pid = number(optarg, INT32_MAX);
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}

	o->server.sin_family = AF_INET;
	if (argc - optind != 2 || inet_pton(AF_INET, argv[optind], &o->server.sin_addr) != 1 ||
	    !o->outstanding || (o->tcp && !o->connections)) {
		fputs(usage, stderr);
		exit(2);
	}
	o->server.sin_port = htons(number(argv[optind + 1], 65535));
}

static void print_report(uint64_t wall, uint64_t server_cpu)
{
	printf("{\"sent\": %lu, \"answered\": %lu, \"lost\": %lu, \"wrong\": %lu, "
	       "\"reconnects\": %lu, \"wallNs\": %lu, \"serverCpuNs\": %lu, \"loadCpuNs\": %lu, "
	       "\"p50Ns\": %lu, \"p99Ns\": %lu, \"maxNs\": %lu}\n",
	       run.sent, run.answered, run.lost, run.wrong, run.reconnects, wall, server_cpu,
	       cpu_time(getpid()), histogram_quantile(&run.latency, 0.5),
	       histogram_quantile(&run.latency, 0.99), run.latency.max);
}

void die(const char *what)
{
	perror(what);
	exit(1);
}
