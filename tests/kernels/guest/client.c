// SPDX-License-Identifier: Apache-2.0
/* A client is a process of its own, since hooks go by the cgroup of who calls. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

const struct shape shapes[SHAPE_COUNT] = {
    {"UDP connected, IPv4", AF_INET, false, false, true},
    {"UDP unconnected, IPv4", AF_INET, false, false, false},
    {"TCP, IPv4", AF_INET, false, true, true},
    {"UDP connected, IPv6", AF_INET6, false, false, true},
    {"UDP unconnected, IPv6", AF_INET6, false, false, false},
    {"TCP, IPv6", AF_INET6, false, true, true},
    {"UDP connected, v4-mapped", AF_INET6, true, false, true},
    {"UDP unconnected, v4-mapped", AF_INET6, true, false, false},
    {"TCP, v4-mapped", AF_INET6, true, true, true},
};

static void join_cgroup(const char *cgroup)
{
	char path[128];
	int procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	procs = open(path, O_WRONLY | O_CLOEXEC);
	if (procs < 0 || write(procs, "0", 1) != 1)
		die("join %s: %m", cgroup);
	close(procs);
}

static socklen_t address_for(const struct shape *shape, const struct server *to,
			     struct sockaddr_storage *address)
{
	bool is_v4 = shape->family == AF_INET || shape->is_mapped;
	struct endpoint at = endpoint_of(to, is_v4 ? AF_INET : AF_INET6, 0);
	struct sockaddr_in6 *six = (void *)address;
	struct sockaddr_in *four = (void *)address;

	memset(address, 0, sizeof(*address));
	address->ss_family = shape->family;
	if (shape->family == AF_INET) {
		four->sin_port = at.port;
		memcpy(&four->sin_addr, at.address + 12, 4);
		return sizeof(*four);
	}
	six->sin6_port = at.port;
	memcpy(&six->sin6_addr, at.address, 16);
	return sizeof(*six);
}

/* Sends one query, receives one answer. False: errno says why not. */
static bool converse(int socket_, const struct shape *shape, const struct server *to,
		     struct answer *answer)
{
	struct sockaddr_storage address, from = {0};
	socklen_t length = address_for(shape, to, &address), from_length = sizeof(from);

	if (shape->is_connected) {
		if (connect(socket_, (void *)&address, length) ||
		    getpeername(socket_, (void *)&from, &from_length))
			return false;
		format_address(&from, answer->peer);
		if (send(socket_, "?", 1, MSG_NOSIGNAL) != 1)
			return false;
	} else if (sendto(socket_, "?", 1, 0, (void *)&address, length) != 1) {
		return false;
	}
	from_length = sizeof(from);
	if (recvfrom(socket_, answer->who, sizeof(answer->who) - 1, 0, (void *)&from,
		     &from_length) < 0)
		return false;
	if (!shape->is_tcp)
		format_address(&from, answer->from);
	return true;
}

#define RECEIVE '?'
#define END '.'

/* Answers, then does what the pipe says, and closes the socket by ending. */
static void run_client(const struct client *client, const struct shape *shape,
		       const struct server *to)
{
	struct timeval timeout = {.tv_sec = 3};
	struct answer answer = {0};
	socklen_t length = sizeof(answer.cookie);
	int socket_ = socket(shape->family, shape->is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	char byte;

	setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	getsockopt(socket_, SOL_SOCKET, SO_COOKIE, &answer.cookie, &length);
	if (!converse(socket_, shape, to, &answer))
		answer.error = errno;
	if (write(client->from, &answer, sizeof(answer)) != sizeof(answer))
		die("client: %m");
	while (read(client->to, &byte, 1) == 1 && byte == RECEIVE) {
		answer.error = recv(socket_, &byte, 1, 0) < 0 ? errno : 0;
		if (write(client->from, &answer, sizeof(answer)) != sizeof(answer))
			die("client: %m");
	}
}

struct client start_client(const char *cgroup, const struct shape *shape, const struct server *to)
{
	int down[2], up[2];
	struct client client;

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
		die("pipe: %m");
	client.pid = fork();
	if (client.pid == 0) {
		close(down[1]);
		join_cgroup(cgroup);
		client.to = down[0];
		client.from = up[1];
		run_client(&client, shape, to);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	client.to = down[1];
	client.from = up[0];
	if (read(client.from, &client.answer, sizeof(client.answer)) != sizeof(client.answer))
		die("a client ended without an answer");
	return client;
}

int wait_for_error(const struct client *client)
{
	char byte = RECEIVE;
	struct answer answer;

	if (write(client->to, &byte, 1) != 1 ||
	    read(client->from, &answer, sizeof(answer)) != sizeof(answer))
		die("a client ended");
	return answer.error;
}

void end_client(struct client *client)
{
	char byte = END;

	if (write(client->to, &byte, 1) != 1)
		die("a client ended by itself");
	close(client->to);
	close(client->from);
	waitpid(client->pid, NULL, 0);
}

struct answer ask(const char *cgroup, const struct shape *shape)
{
	struct client client = start_client(cgroup, shape, &cluster_ip);

	end_client(&client);
	return client.answer;
}

/* The application must see the ClusterIP, whoever answers. */
bool is_answered_by(const struct server *who, const char *cgroup, const struct shape *shape)
{
	struct answer answer = ask(cgroup, shape);
	struct sockaddr_storage address;
	char asked[64];

	address_for(shape, &cluster_ip, &address);
	format_address(&address, asked);
	explain("answered by \"%s\" (%s), peer %s, from %s; wanted \"%s\" as %s", answer.who,
		answer.error ? strerror(answer.error) : "no error", answer.peer, answer.from,
		who->name, asked);
	if (answer.error || strcmp(answer.who, who->name))
		return false;
	if (shape->is_connected && strcmp(answer.peer, asked))
		return false;
	return shape->is_tcp || !strcmp(answer.from, asked);
}
