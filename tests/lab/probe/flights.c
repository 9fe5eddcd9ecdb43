// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IDS 65536
#define MAX_LOST_PRINTED 100

struct tally tally;

struct flight {
	bool open;
	uint64_t sent_at;
	struct channel *channel;
};

static struct flight flights[IDS]; /* by query number modulo IDS, which is the message ID */
static struct channel *shared;
static uint64_t asked;	 /* number of the next query */
static uint64_t oldest;	 /* no query below this number is in flight */
static uint64_t started; /* when the run began */

static void land(struct flight *flight)
{
	flight->open = false;
	if (options.fresh)
		close_channel(flight->channel);
}

static void lose(struct flight *flight)
{
	tally.lost++;
	if (options.rate && tally.lost <= MAX_LOST_PRINTED)
		printf("lost at_ms=%llu\n",
		       (unsigned long long)((flight->sent_at - started) / MILLISECOND));
	land(flight);
}

static void ask(void)
{
	unsigned char message[2 + MAX_QUERY];
	size_t length = compose_query(asked, message + 2);
	struct flight *flight = &flights[asked % IDS];

	if (flight->open)
		lose(flight);
	if (!options.fresh && !shared)
		shared = open_channel();
	flight->channel = options.fresh ? open_channel() : shared;
	flight->sent_at = now();
	flight->open = true;
	check_peer(flight->channel);
	asked++;
	tally.sent++;
	message[0] = length >> 8;
	message[1] = length;
	if (options.tcp)
		transmit_stream(flight->channel, message, 2 + length);
	else
		transmit(flight->channel, message + 2, length);
}

/* A message that answers no open query of ours is not counted at all: its query will be counted as
 * lost. */
static bool accept_reply(const unsigned char *reply, size_t length)
{
	uint16_t id = reply[0] << 8 | reply[1];
	struct flight *flight = &flights[id];
	uint64_t number, age;

	if (length < HEADER_SIZE || !(reply[2] & 0x80) || !flight->open)
		return false;
	/* The one open query of this ID is the last that was asked under it. */
	number = asked - 1 - (uint16_t)(asked - 1 - id);
	if (!answers_query(number, reply, length))
		return false;

	age = now() - flight->sent_at;
	if (age > tally.slowest)
		tally.slowest = age;
	tally.received++;
	tally.rcode = reply[3] & 15;
	tally.bad_rcode += tally.rcode != 0 && tally.rcode != 3;
	tally.answers = reply[6] << 8 | reply[7];
	land(flight);
	return true;
}

static void receive_datagrams(struct channel *channel)
{
	unsigned char reply[MAX_MESSAGE];
	struct sockaddr_storage from;
	socklen_t length;
	ssize_t size;

	for (;;) {
		length = sizeof(from);
		size = recvfrom(channel->fd, reply, sizeof(reply), 0, (void *)&from, &length);
		if (size < 0 && errno == EAGAIN)
			return;
		if (size < 0) {
			tally.unreachable++;
			continue;
		}
		check_source(&from);
		if (accept_reply(reply, size) && options.fresh)
			return; /* the channel is closed */
	}
}

static void lose_channel(struct channel *channel)
{
	uint64_t number;

	for (number = oldest; number < asked; number++)
		if (flights[number % IDS].open && flights[number % IDS].channel == channel)
			lose(&flights[number % IDS]);
	if (channel == shared) {
		close_channel(channel);
		shared = NULL;
	}
}

static void receive_stream(struct channel *channel)
{
	size_t length;
	ssize_t size;

	size =
	    read(channel->fd, channel->stream + channel->filled, 2 + MAX_MESSAGE - channel->filled);
	if (size < 0 && errno == EAGAIN)
		return;
	if (size <= 0) {
		lose_channel(channel);
		return;
	}
	channel->filled += size;
	while (channel->filled >= 2) {
		length = channel->stream[0] << 8 | channel->stream[1];
		if (channel->filled < 2 + length)
			return;
		if (accept_reply(channel->stream + 2, length) && options.fresh)
			return; /* the channel is closed */
		channel->filled -= 2 + length;
		memmove(channel->stream, channel->stream + 2 + length, channel->filled);
	}
}

/* Returns when the oldest query in flight will be lost. */
static uint64_t expire(uint64_t time)
{
	for (; oldest < asked; oldest++) {
		struct flight *flight = &flights[oldest % IDS];

		if (!flight->open)
			continue;
		if (time < flight->sent_at + options.timeout)
			return flight->sent_at + options.timeout;
		lose(flight);
	}
	return UINT64_MAX;
}

static void receive_until(uint64_t deadline)
{
	struct epoll_event event;
	uint64_t time = now();
	int wait = deadline > time ? (deadline - time + MILLISECOND - 1) / MILLISECOND : 0;

	if (epoll_wait(epoll, &event, 1, wait) < 1)
		return;
	if (event.events == EPOLLOUT)
		flush_stream(event.data.ptr);
	else if (options.tcp)
		receive_stream(event.data.ptr);
	else
		receive_datagrams(event.data.ptr);
}

void run_queries(uint64_t queries)
{
	uint64_t next = now(), deadline;

	tally = (struct tally){.peer = "-", .from = "-", .rcode = -1};
	started = next;
	for (;;) {
		deadline = expire(now());
		if (tally.sent == queries && tally.received + tally.lost == queries)
			return;
		if (tally.sent < queries &&
		    tally.sent - tally.received - tally.lost < options.window) {
			if (now() >= next) {
				ask();
				next += options.gap;
				continue;
			}
			if (next < deadline)
				deadline = next;
		}
		receive_until(deadline);
	}
}

void drain(void)
{
	receive_until(0);
}
