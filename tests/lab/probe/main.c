// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("probe: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(2);
}

uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

static bool report(void)
{
	static const char *const rcodes[] = {"NOERROR",	 "FORMERR", "SERVFAIL",
					     "NXDOMAIN", "NOTIMP",  "REFUSED"};
	const char *rcode = tally.rcode < 0 ? "-" : tally.rcode < 6 ? rcodes[tally.rcode] : "OTHER";

	printf("peer=%s from=%s rcode=%s answers=%d sent=%llu received=%llu lost=%llu "
	       "wrong_source=%llu bad_rcode=%llu unreachable=%llu sockets=%llu slowest_ms=%llu\n",
	       tally.peer, tally.from, rcode, tally.answers, tally.sent, tally.received, tally.lost,
	       tally.wrong_source, tally.bad_rcode, tally.unreachable, tally.sockets,
	       (unsigned long long)(tally.slowest / MILLISECOND));
	fflush(stdout);
	return !tally.lost && !tally.wrong_source && !tally.bad_rcode;
}

int main(int argc, char **argv)
{
	uint64_t queries;
	bool good;

	parse_options(argc, argv);
	epoll = epoll_create1(0);
	queries = options.names * options.type_count;
	if (options.rate) {
		queries = (uint64_t)options.rate * options.seconds;
		puts("sending");
		fflush(stdout);
	}
	run_queries(queries);
	good = report();
	while (options.ask_per_line && getchar() != EOF) {
		drain();
		run_queries(queries);
		good = report() && good;
	}
	return good ? 0 : 1;
}
