// SPDX-License-Identifier: Apache-2.0
/*
 * Asks DNS questions through one shape of socket and prints what the application sees: the peer,
 * the source of the replies, what was lost. Static and without dependencies, so that it also runs
 * in a guest with nothing but a kernel.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HEADER_SIZE 12
#define MAX_QUERY 512
#define MAX_MESSAGE 65535
#define MAX_TYPES 8
#define MILLISECOND 1000000ull
#define SECOND (1000 * MILLISECOND)

struct options {
	char family; /* '4', '6' or 'm' for IPv4 through an AF_INET6 socket */
	bool tcp;
	bool connected;
	bool fresh; /* a new socket for each query, as getaddrinfo does */
	bool ask_per_line;
	const char *name;
	uint16_t types[MAX_TYPES];
	unsigned int type_count;
	uint64_t names;
	unsigned int window;
	uint64_t timeout;
	uint64_t gap;
	unsigned int rate;
	unsigned int seconds;
	uint16_t port;
	struct sockaddr_storage server;
	socklen_t server_length;
};

struct channel {
	int fd;
	size_t filled;
	unsigned char *stream; /* TCP: bytes received that are no whole message yet */
	unsigned char *unsent; /* TCP: bytes that wait for the connection, or for room */
	size_t waiting;
	bool established;
};

struct tally {
	unsigned long long sent, received, lost, wrong_source, bad_rcode, unreachable, sockets;
	uint64_t slowest;
	int rcode, answers;
	char peer[64], from[64];
};

extern struct options options;
extern struct tally tally;

void parse_options(int argc, char **argv);
void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);
uint64_t now(void);

/* Query N asks for type N modulo the number of types, of a name in which %d stands for N / that
 * number. */
size_t compose_query(uint64_t number, unsigned char *out);
bool answers_query(uint64_t number, const unsigned char *reply, size_t length);

extern int epoll;
struct channel *open_channel(void);
void close_channel(struct channel *channel);
void check_peer(const struct channel *channel);
void check_source(const struct sockaddr_storage *from);
void transmit(const struct channel *channel, const unsigned char *query, size_t length);
void transmit_stream(struct channel *channel, const unsigned char *query, size_t length);
void flush_stream(struct channel *channel);

/* Asks that many queries and returns when each is answered or lost. */
void run_queries(uint64_t queries);
/* Takes in what came between two runs: late replies, errors, the end of a connection. */
void drain(void);

#endif
