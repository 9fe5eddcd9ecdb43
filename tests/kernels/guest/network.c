// SPDX-License-Identifier: Apache-2.0
/* The addresses of `lo`, the servers at them, and the destruction of sockets. */
#include "guest.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

const struct server agent = {"agent", "169.254.20.10", "fd00:10:53::10"};
const struct server local = {"local", "10.244.1.2", "fd00:10:244:1::2"};
const struct server fallback = {"fallback", "10.244.0.2", "fd00:10:244::2"};
const struct server cluster_ip = {"untouched", "10.96.0.10", "fd00:10:96::a"};
const struct server rival = {"rival", "198.51.100.1", "2001:db8::1"};

static const struct server *const servers[] = {&agent, &local, &fallback, &cluster_ip, &rival};
#define SERVER_COUNT (sizeof(servers) / sizeof(*servers))

/* linux/ipv6.h and netinet/in.h cannot be included together. */
struct in6_request {
	struct in6_addr address;
	__u32 prefix_length;
	int interface;
};

static void add_addresses(int number, const struct server *server)
{
	int six = socket(AF_INET6, SOCK_DGRAM, 0), four = socket(AF_INET, SOCK_DGRAM, 0);
	struct in6_request request6 = {.prefix_length = 128, .interface = if_nametoindex("lo")};
	struct ifreq request = {0};
	struct sockaddr_in *address = (void *)&request.ifr_addr;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo:%d", number);
	address->sin_family = AF_INET;
	inet_pton(AF_INET, server->v4, &address->sin_addr);
	inet_pton(AF_INET6, server->v6, &request6.address);
	if (ioctl(four, SIOCSIFADDR, &request) || ioctl(six, SIOCSIFADDR, &request6))
		die("address of %s: %m", server->name);
	close(four);
	close(six);
}

void set_up_network(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int control = socket(AF_INET, SOCK_DGRAM, 0);

	if (ioctl(control, SIOCSIFFLAGS, &request))
		die("lo up: %m");
	close(control);
	for (size_t i = 0; i < SERVER_COUNT; i++)
		add_addresses(i + 1, servers[i]);
}

const char *format_address(const void *address, char text[64])
{
	const struct sockaddr_in6 *six = address;
	const struct sockaddr_in *four = address;
	char ip[INET6_ADDRSTRLEN] = "";

	if (four->sin_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, ip, sizeof(ip));
	else if (four->sin_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, ip, sizeof(ip));
	snprintf(text, 64, "%s %u", ip, ntohs(four->sin_port));
	return text;
}

struct endpoint endpoint_of(const struct server *server, int family, int protocol)
{
	struct endpoint endpoint = {.port = htons(DNS_PORT), .protocol = protocol};
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "::ffff:%s", server->v4);
	inet_pton(AF_INET6, family == AF_INET ? mapped : server->v6, endpoint.address);
	return endpoint;
}

static int listen_at(const struct server *server, int family, int type)
{
	struct endpoint at = endpoint_of(server, family, 0);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = at.port};
	int socket_ = socket(AF_INET6, type, 0);

	memcpy(&six.sin6_addr, at.address, sizeof(at.address));
	if (bind(socket_, (void *)&six, sizeof(six)) || (type == SOCK_STREAM && listen(socket_, 8)))
		die("%s cannot listen: %m", server->name);
	return socket_;
}

static void answer(int socket_, bool is_tcp, const char *name)
{
	struct sockaddr_storage client;
	socklen_t length = sizeof(client);
	char query[64];
	int connection;

	if (is_tcp) {
		connection = accept(socket_, NULL, NULL);
		recv(connection, query, sizeof(query), 0);
		send(connection, name, strlen(name), MSG_NOSIGNAL);
		close(connection);
	} else if (recvfrom(socket_, query, sizeof(query), 0, (void *)&client, &length) >= 0) {
		sendto(socket_, name, strlen(name), 0, (void *)&client, length);
	}
}

void start_servers(void)
{
	static const int families[] = {AF_INET, AF_INET, AF_INET6, AF_INET6};
	struct pollfd sockets[SERVER_COUNT * 4];

	for (size_t i = 0; i < SERVER_COUNT * 4; i++) {
		sockets[i].fd =
		    listen_at(servers[i / 4], families[i % 4], i % 2 ? SOCK_STREAM : SOCK_DGRAM);
		sockets[i].events = POLLIN;
	}
	if (fork())
		return;
	while (poll(sockets, SERVER_COUNT * 4, -1) > 0) {
		for (size_t i = 0; i < SERVER_COUNT * 4; i++) {
			if (sockets[i].revents)
				answer(sockets[i].fd, i % 2, servers[i / 4]->name);
		}
	}
	die("servers: %m");
}

struct diag_request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

static void request(int netlink, int type, int flags, const struct inet_diag_sockid *id)
{
	struct diag_request message = {
	    .header = {.nlmsg_len = sizeof(message),
		       .nlmsg_type = type,
		       .nlmsg_flags = NLM_F_REQUEST | flags},
	    .body = {.sdiag_family = AF_INET,
		     .sdiag_protocol = IPPROTO_UDP,
		     .idiag_states = 1 << TCP_ESTABLISHED},
	};

	if (id)
		message.body.id = *id;
	if (send(netlink, &message, sizeof(message), 0) != sizeof(message))
		die("sock_diag: %m");
}

/* Finds the socket among those that the kernel lists, by its cookie. */
static bool find_socket(int netlink, __u64 cookie, struct inet_diag_sockid *id)
{
	char buffer[16384] __attribute__((aligned(8)));
	bool is_found = false;
	int length;

	request(netlink, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, NULL);
	while ((length = recv(netlink, buffer, sizeof(buffer), 0)) > 0) {
		struct nlmsghdr *message = (void *)buffer;

		for (; NLMSG_OK(message, (unsigned)length); message = NLMSG_NEXT(message, length)) {
			struct inet_diag_msg *listed = NLMSG_DATA(message);

			if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY)
				return is_found;
			if (memcmp(listed->id.idiag_cookie, &cookie, sizeof(cookie)))
				continue;
			*id = listed->id;
			is_found = true;
		}
	}
	return is_found;
}

bool destroy_udp_socket(__u64 cookie)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	struct inet_diag_sockid id;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[512];
	} reply = {0};

	if (!find_socket(netlink, cookie, &id)) {
		explain("the kernel does not list the socket");
		close(netlink);
		return false;
	}
	request(netlink, SOCK_DESTROY, NLM_F_ACK, &id);
	recv(netlink, &reply, sizeof(reply), 0);
	close(netlink);
	explain("SOCK_DESTROY: %s", strerror(-reply.error.error));
	return reply.header.nlmsg_type == NLMSG_ERROR && reply.error.error == 0;
}
