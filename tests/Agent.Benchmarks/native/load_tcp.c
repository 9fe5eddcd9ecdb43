// SPDX-License-Identifier: Apache-2.0
/*
 * A few TCP connections with many queries in flight on each (RFC 7766, section 6.2.1.1). All
 * queries that are due leave in one write per connection. A connection that the server closes is
 * opened again, and what was in flight on it is lost.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IN_ROOM = 1 << 16,
	LENGTH_PREFIX = 2,
	OUT_ROOM = BATCH * (QUERY_MAX + LENGTH_PREFIX),
};

struct connection {
	unsigned in_flight;
	size_t received;
	size_t pending;
	uint8_t in[IN_ROOM + LENGTH_PREFIX];
	uint8_t out[OUT_ROOM];
};

static struct connection connections[MAX_CONNECTIONS];
static struct pollfd polls[MAX_CONNECTIONS];

static int open_connection(const struct sockaddr_in *server);
static void compose_due(struct run *run);
static void flush(struct run *run, unsigned i);
static void receive(struct run *run, unsigned i);

void load_tcp(struct run *run)
{
	const struct options *o = &run->options;

	for (unsigned i = 0; i < o->connections; i++)
		polls[i].fd = open_connection(&o->server);

	run->started = now_ns();
	while (!flights_done(run)) {
		compose_due(run);
		for (unsigned i = 0; i < o->connections; i++) {
			if (connections[i].pending)
				flush(run, i);
			polls[i].events = connections[i].pending ? POLLIN | POLLOUT : POLLIN;
		}
		if (poll(polls, o->connections, 0) < 0 && errno != EINTR)
			die("poll");
		for (unsigned i = 0; i < o->connections; i++)
			if (polls[i].revents & ~POLLOUT)
				receive(run, i);
		flights_expire(run, now_ns());
		flights_pause(run);
	}
}

static int open_connection(const struct sockaddr_in *server)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)))
		die("TCP connection");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die("O_NONBLOCK");
	return fd;
}

static void reopen(struct run *run, unsigned i)
{
	flights_abandon(run, i);
	run->reconnects++;
	close(polls[i].fd);
	connections[i].in_flight = 0;
	connections[i].received = 0;
	connections[i].pending = 0;
	polls[i].fd = open_connection(&run->options.server);
}

/* Gives each query to the connection with the fewest in flight. */
static unsigned choose(const struct run *run)
{
	unsigned chosen = 0;

	for (unsigned i = 1; i < run->options.connections; i++)
		if (connections[i].in_flight < connections[chosen].in_flight)
			chosen = i;
	return chosen;
}

static void compose_due(struct run *run)
{
	uint64_t now = now_ns();
	unsigned due = flights_due(run, now);

	while (due--) {
		unsigned i = choose(run);
		struct connection *c = &connections[i];
		uint8_t *message = c->out + c->pending + LENGTH_PREFIX;
		size_t length;

		if (OUT_ROOM - c->pending < QUERY_MAX + LENGTH_PREFIX)
			return; /* the server does not read */
		length = flight_start(run, now, i, message);
		if (!length)
			continue;
		message[-2] = length >> 8;
		message[-1] = length;
		c->pending += LENGTH_PREFIX + length;
		c->in_flight++;
	}
}

static void flush(struct run *run, unsigned i)
{
	struct connection *c = &connections[i];
	ssize_t n = send(polls[i].fd, c->out, c->pending, MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN)
			reopen(run, i);
		return;
	}
	c->pending -= n;
	memmove(c->out, c->out + n, c->pending);
}

static void receive(struct run *run, unsigned i)
{
	struct connection *c = &connections[i];
	ssize_t n = recv(polls[i].fd, c->in + c->received, sizeof(c->in) - c->received, 0);
	uint64_t now = now_ns();
	size_t at = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		reopen(run, i);
		return;
	}

	c->received += n;
	while (c->received - at >= LENGTH_PREFIX) {
		size_t length = c->in[at] << 8 | c->in[at + 1];

		if (c->received - at < LENGTH_PREFIX + length)
			break;
		if (flight_land(run, now, c->in + at + LENGTH_PREFIX, length))
			c->in_flight--;
		at += LENGTH_PREFIX + length;
	}
	c->received -= at;
	memmove(c->in, c->in + at, c->received);
}
