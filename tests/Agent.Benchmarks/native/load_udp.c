// SPDX-License-Identifier: Apache-2.0
/*
 * One connected UDP socket, a batch per system call. A batch leaves as one buffer that the kernel
 * cuts into datagrams (UDP_SEGMENT: all queries are of the same length), which costs this side less
 * than a third of a sendmmsg: the generator must be faster than the server that it measures. The
 * closed loop waits in recvmmsg; the open loop never sleeps, so that a query leaves when it is due.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/time.h>

static uint8_t queries[BATCH * QUERY_MAX];
static uint8_t reply_buffers[BATCH][REPLY_MAX];
static struct iovec reply_parts[BATCH];
static struct mmsghdr replies[BATCH];

static int open_socket(const struct run *run);
static void send_due(struct run *run, int fd);
static void receive(struct run *run, int fd);

void load_udp(struct run *run)
{
	int fd = open_socket(run);

	for (int i = 0; i < BATCH; i++) {
		reply_parts[i] = (struct iovec){reply_buffers[i], REPLY_MAX};
		replies[i].msg_hdr.msg_iov = &reply_parts[i];
		replies[i].msg_hdr.msg_iovlen = 1;
	}

	run->started = now_ns();
	while (!flights_done(run)) {
		send_due(run, fd);
		receive(run, fd);
		flights_pause(run);
	}
}

static int open_socket(const struct run *run)
{
	const struct sockaddr_in *server = &run->options.server;
	struct timeval patience = {.tv_usec = 100000};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int size = SOCKET_BUFFER;
	uint8_t query[QUERY_MAX];
	int segment = question_compose(query, 0, 0, run->options.edns);

	if (fd < 0 || connect(fd, (const struct sockaddr *)server, sizeof(*server)))
		die("UDP socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		die("SO_RCVTIMEO");
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)))
		die("UDP_SEGMENT");
	return fd;
}

static void send_due(struct run *run, int fd)
{
	uint64_t now = now_ns();
	unsigned due = flights_due(run, now);
	size_t total = 0;

	while (due--)
		total += flight_start(run, now, 0, queries + total);
	if (total && send(fd, queries, total, 0) < 0)
		die("send"); /* ECONNREFUSED: the server is gone */
}

static void receive(struct run *run, int fd)
{
	int flags = MSG_DONTWAIT;
	int received = recvmmsg(fd, replies, BATCH, flags, NULL);
	uint64_t now = now_ns();

	if (received < 0 && errno != EAGAIN && errno != EINTR)
		die("recvmmsg");
	for (int i = 0; i < received; i++)
		flight_land(run, now, reply_buffers[i], replies[i].msg_len);
	flights_expire(run, now);
}
