// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What is lost must have been lost by others. Needs CAP_NET_ADMIN; without it the default must do.
 */
#define RECEIVE_BUFFER (8 << 20)

int epoll;

static void format_address(const struct sockaddr_storage *address, char text[64])
{
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;
	char ip[INET6_ADDRSTRLEN];

	if (address->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, ip, sizeof(ip));
		snprintf(text, 64, "[%s]:%u", ip, ntohs(six->sin6_port));
	} else {
		inet_ntop(AF_INET, &four->sin_addr, ip, sizeof(ip));
		snprintf(text, 64, "%s:%u", ip, ntohs(four->sin_port));
	}
}

/* Flow label and scope are no part of whom the application believes to speak with. */
static bool is_server(const struct sockaddr_storage *address)
{
	char seen[64], wanted[64];

	format_address(address, seen);
	format_address(&options.server, wanted);
	return !strcmp(seen, wanted);
}

struct channel *open_channel(void)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = channel};
	int off = 0, receive_buffer = RECEIVE_BUFFER;
	struct linger reset = {.l_onoff = 1};

	channel->fd = socket(options.server.ss_family, options.tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (channel->fd < 0)
		die("socket: %m");
	tally.sockets++;
	setsockopt(channel->fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer,
		   sizeof(receive_buffer));
	if (options.family == 'm')
		setsockopt(channel->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	/* A server that takes no connection must not keep the other queries waiting. */
	fcntl(channel->fd, F_SETFL, O_NONBLOCK);
	if (options.tcp) {
		channel->stream = malloc(2 + MAX_MESSAGE);
		event.events |= EPOLLOUT;
		/* Closed with a reset: a thousand connections a second, each a minute in TIME_WAIT,
		 * would use up the ports. */
		setsockopt(channel->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	if (options.connected &&
	    connect(channel->fd, (void *)&options.server, options.server_length) &&
	    errno != EINPROGRESS)
		tally.unreachable++;
	epoll_ctl(epoll, EPOLL_CTL_ADD, channel->fd, &event);
	return channel;
}

void close_channel(struct channel *channel)
{
	close(channel->fd);
	free(channel->stream);
	free(channel->unsent);
	free(channel);
}

void check_peer(const struct channel *channel)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (!options.connected || getpeername(channel->fd, (void *)&peer, &length))
		return;
	format_address(&peer, tally.peer);
	tally.wrong_source += !is_server(&peer);
}

void check_source(const struct sockaddr_storage *from)
{
	format_address(from, tally.from);
	tally.wrong_source += !is_server(from);
}

static void watch(struct channel *channel, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = channel};

	epoll_ctl(epoll, EPOLL_CTL_MOD, channel->fd, &event);
}

void transmit_stream(struct channel *channel, const unsigned char *query, size_t length)
{
	channel->unsent = realloc(channel->unsent, channel->waiting + length);
	memcpy(channel->unsent + channel->waiting, query, length);
	channel->waiting += length;
	if (channel->established)
		flush_stream(channel);
}

void flush_stream(struct channel *channel)
{
	ssize_t sent = send(channel->fd, channel->unsent, channel->waiting, MSG_NOSIGNAL);

	channel->established = true;
	if (sent > 0) {
		channel->waiting -= sent;
		memmove(channel->unsent, channel->unsent + sent, channel->waiting);
	} else if (sent < 0 && errno != EAGAIN) {
		tally.unreachable++;
	}
	check_peer(channel);
	watch(channel, channel->waiting ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void transmit(const struct channel *channel, const unsigned char *query, size_t length)
{
	const void *to = options.connected ? NULL : &options.server;
	socklen_t to_length = options.connected ? 0 : options.server_length;

	if (sendto(channel->fd, query, length, MSG_NOSIGNAL, to, to_length) >= 0)
		return;
	tally.unreachable++;
	/* The error was an ICMP answer to an earlier query; this one has not been sent. */
	if (errno == ECONNREFUSED)
		sendto(channel->fd, query, length, MSG_NOSIGNAL, to, to_length);
}
