// SPDX-License-Identifier: Apache-2.0
/*
 * The constant responder over TCP: one read takes all the queries that have come, one write sends
 * all their replies.
 */
#define _GNU_SOURCE
#include "constant.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	EVENTS = 64,
	READ_ROOM = 1 << 16,
	LENGTH_PREFIX = 2,
	/* No query has less than 15 bytes with its prefix or grows by more than 27: 3 times is
	   room. */
	WRITE_ROOM = 3 * READ_ROOM,
};

struct connection {
	int fd;
	size_t received;
	size_t pending; /* composed and not yet written; nothing is read while there is any */
	size_t written;
	unsigned char in[READ_ROOM];
	unsigned char out[WRITE_ROOM];
};

static int open_listener(const struct sockaddr_in *address);
static void accept_one(int epoll, int listener);
static int proceed(int epoll, struct connection *c);

void serve_tcp(const struct sockaddr_in *address)
{
	struct epoll_event events[EVENTS], listening = {.events = EPOLLIN, .data.ptr = NULL};
	int listener = open_listener(address);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int ready;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening))
		die("epoll");

	for (;;) {
		ready = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			struct connection *c = events[i].data.ptr;

			if (!c) {
				accept_one(epoll, listener);
			} else if (proceed(epoll, c)) {
				close(c->fd);
				free(c);
			}
		}
	}
}

static int open_listener(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) || listen(fd, 128))
		die("bind (TCP)");
	return fd;
}

static void accept_one(int epoll, int listener)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct connection *c;
	int on = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	c = malloc(sizeof(*c));
	if (!c)
		die("malloc");
	c->fd = fd;
	c->received = c->pending = c->written = 0;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	event.data.ptr = c;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

/* Composes the replies to all whole queries received. Returns non-zero for what is no DNS. */
static int compose_replies(struct connection *c)
{
	size_t at = 0;

	while (c->received - at >= LENGTH_PREFIX) {
		size_t length = c->in[at] << 8 | c->in[at + 1];
		unsigned char *reply = c->out + c->pending + LENGTH_PREFIX;

		if (length > MESSAGE_MAX)
			return -1;
		if (c->received - at < LENGTH_PREFIX + length)
			break;

		memcpy(reply, c->in + at + LENGTH_PREFIX, length);
		at += LENGTH_PREFIX + length;
		length = answer(reply, length);
		if (!length)
			return -1;
		reply[-2] = length >> 8;
		reply[-1] = length;
		c->pending += LENGTH_PREFIX + length;
	}

	c->received -= at;
	memmove(c->in, c->in + at, c->received);
	return 0;
}

/* Writes what is pending. Returns 1 when all is out, 0 when the peer must read first, -1 on error.
 */
static int flush(struct connection *c)
{
	while (c->written < c->pending) {
		ssize_t n = write(c->fd, c->out + c->written, c->pending - c->written);

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->written += n;
	}
	c->written = c->pending = 0;
	return 1;
}

/* Returns non-zero when the connection is to be closed. */
static int proceed(int epoll, struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	int was_blocked = c->pending > 0;
	int flushed;
	ssize_t n;

	if (!was_blocked) {
		n = read(c->fd, c->in + c->received, READ_ROOM - c->received);
		if (n <= 0)
			return n == 0 || errno != EAGAIN;
		c->received += n;
		if (compose_replies(c))
			return -1;
	}

	flushed = flush(c);
	if (flushed < 0)
		return -1;
	if (flushed == was_blocked) {
		event.events = flushed ? EPOLLIN : EPOLLOUT;
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
	}
	return 0;
}
