// SPDX-License-Identifier: Apache-2.0
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "histogram.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	BATCH = 64,
	QUERY_MAX = 96,
	REPLY_MAX = 4096,
	SLOTS = 1 << 16, /* one for each DNS message ID */
	SOCKET_BUFFER = 1 << 22,
	MAX_CONNECTIONS = 64,
	PAUSE_US = 40, /* a server takes longer for half of 64 queries */
};

#define SECOND 1000000000ul
#define REPLY_TIMEOUT (2 * SECOND)

struct options {
	struct sockaddr_in server;
	bool tcp;
	bool edns;
	unsigned connections; /* TCP */
	unsigned outstanding; /* the closed loop's queries in flight, over all connections */
	unsigned rate;	      /* queries a second of the open loop; 0: closed loop */
	unsigned names;	      /* this many names, at random; 0: a new name for each query */
	uint32_t first;	      /* number of the first name */
	uint64_t count;	      /* queries to send */
	pid_t server_pid;     /* whose CPU time is measured; 0: nobody's */
};

/* A query in flight. Its place in the table is its message ID. */
struct flight {
	uint64_t started; /* the moment it was due in the open loop, else the moment it was sent */
	uint64_t number;  /* of the query: tells the flight from the one that had this ID before */
	uint32_t name;
	uint16_t connection;
	bool busy;
};

struct run {
	struct options options;
	struct flight flights[SLOTS];
	uint64_t next;	 /* number of the next query: its low 16 bits are the ID */
	uint64_t oldest; /* no query before this one is in flight */
	uint64_t sent;
	uint64_t answered;
	uint64_t lost;	/* no reply within REPLY_TIMEOUT, or no free ID to send it with */
	uint64_t wrong; /* error, no answer record, another question, or a reply to no query */
	uint64_t reconnects;
	uint64_t random;
	uint64_t started;
	unsigned in_flight;
	struct histogram latency;
};

/* question.c: the names differ in 8 hexadecimal digits, so composing and checking are copies. */
size_t question_compose(uint8_t *message, uint16_t id, uint32_t name, bool edns);
bool question_answered(const uint8_t *message, size_t length, uint32_t name);

/* flight.c */
uint64_t now_ns(void);
/* How many queries may be sent now, at most a batch: what the closed loop has room for, or what the
 * open loop's clock says. */
unsigned flights_due(const struct run *run, uint64_t now);
/* Composes the next query. Returns its length, 0 if no ID is free and the query counts as lost. */
size_t flight_start(struct run *run, uint64_t now, unsigned connection, uint8_t *message);
/* Takes a reply. Returns the flight it ends, NULL if it ends none. */
const struct flight *flight_land(struct run *run, uint64_t now, const uint8_t *message,
				 size_t length);
/* Gives up what has been in flight for too long. */
void flights_expire(struct run *run, uint64_t now);
/* Gives up all that is in flight on one connection. */
void flights_abandon(struct run *run, unsigned connection);
/* Closed loop: sleeps for PAUSE_US unless half of the queries may be sent. So queries go out in
 * batches, the generator leaves its core to the upstream, and it wakes by its own timer. */
void flights_pause(const struct run *run);
bool flights_done(const struct run *run);

void load_udp(struct run *run);
void load_tcp(struct run *run);

void die(const char *what);

#endif
