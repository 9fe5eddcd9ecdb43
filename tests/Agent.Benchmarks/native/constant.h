// SPDX-License-Identifier: Apache-2.0
#ifndef BENCH_CONSTANT_H
#define BENCH_CONSTANT_H

#include <netinet/in.h>
#include <stddef.h>

enum {
	MESSAGE_MAX = 512,
	ANSWER_ROOM = 32, /* the A record and the OPT record, with some to spare */
};

/*
 * Turns the query into its reply, in place, and returns the reply's length; 0 for what is no query.
 * The buffer has ANSWER_ROOM bytes more than the query.
 */
size_t answer(unsigned char *message, size_t length);

/* Serves DNS over TCP (RFC 7766: pipelined, length before each message) until the process ends. */
void serve_tcp(const struct sockaddr_in *address);

void die(const char *what);

#endif
