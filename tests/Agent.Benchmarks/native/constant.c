// SPDX-License-Identifier: Apache-2.0
/*
 * The constant responder: the limit that every server of the bench is compared with, and the fast
 * upstream of the miss benches. It knows no names and looks nothing up: one recvmmsg, the same A
 * record appended to each question, one sendmmsg.
 *
 *     constant ADDRESS PORT
 *
 * One thread serves UDP, a second one TCP; a thread that is not asked anything costs nothing.
 */
#define _GNU_SOURCE
#include "constant.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	BATCH = 64,
	HEADER = 12,
	SOCKET_BUFFER = 1 << 22,
};

/* A pointer to the question's name, A, IN, TTL 3600, 192.0.2.1 (RFC 5737). */
static const unsigned char a_record[] = {0xc0, 0x0c, 0, 1, 0,	1, 0, 0,
					 0x0e, 0x10, 0, 4, 192, 0, 2, 1};
/* RFC 6891: the root, OPT, 1232 bytes of payload, no options. */
static const unsigned char opt_record[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

struct udp_batch {
	unsigned char buffers[BATCH][MESSAGE_MAX + ANSWER_ROOM];
	struct sockaddr_in peers[BATCH];
	struct iovec received[BATCH];
	struct iovec replies[BATCH];
	struct mmsghdr in[BATCH];
	struct mmsghdr out[BATCH];
};

static void serve_udp(int fd);
static int open_udp(const struct sockaddr_in *address);
static void *tcp_thread(void *address);

int main(int argc, char **argv)
{
	static struct sockaddr_in address;
	pthread_t thread;

	address.sin_family = AF_INET;
	if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "usage: constant ADDRESS PORT\n");
		return 2;
	}
	address.sin_port = htons(atoi(argv[2]));

	if (pthread_create(&thread, NULL, tcp_thread, &address))
		die("pthread_create");
	serve_udp(open_udp(&address));
}

size_t answer(unsigned char *message, size_t length)
{
	const unsigned char *root;
	size_t end = length;
	int has_opt;

	if (length <= HEADER || message[2] & 0x80)
		return 0;

	has_opt = message[11];
	if (has_opt) {
		root = memchr(message + HEADER, 0, length - HEADER);
		if (!root || (size_t)(root - message) + 5 > length)
			return 0;
		end = root - message + 5;
	}

	message[2] |= 0x80; /* QR */
	message[3] = 0x80;  /* RA, NOERROR */
	memcpy(message + 6, (const unsigned char[]){0, 1, 0, 0, 0, !!has_opt}, 6);
	memcpy(message + end, a_record, sizeof(a_record));
	end += sizeof(a_record);
	if (has_opt) {
		memcpy(message + end, opt_record, sizeof(opt_record));
		end += sizeof(opt_record);
	}
	return end;
}

static void batch_init(struct udp_batch *batch)
{
	for (int i = 0; i < BATCH; i++) {
		batch->received[i] = (struct iovec){batch->buffers[i], MESSAGE_MAX};
		batch->in[i].msg_hdr.msg_iov = &batch->received[i];
		batch->in[i].msg_hdr.msg_iovlen = 1;
		batch->in[i].msg_hdr.msg_name = &batch->peers[i];
		batch->in[i].msg_hdr.msg_namelen = sizeof(batch->peers[i]);
		batch->out[i].msg_hdr.msg_iov = &batch->replies[i];
		batch->out[i].msg_hdr.msg_iovlen = 1;
	}
}

static void serve_udp(int fd)
{
	static struct udp_batch batch;
	int received, count, sent;

	batch_init(&batch);
	for (;;) {
		received = recvmmsg(fd, batch.in, BATCH, MSG_WAITFORONE, NULL);
		if (received < 0 && errno != EINTR)
			die("recvmmsg");

		count = 0;
		for (int i = 0; i < received; i++) {
			size_t length = answer(batch.buffers[i], batch.in[i].msg_len);

			batch.in[i].msg_hdr.msg_namelen = sizeof(batch.peers[i]);
			if (!length)
				continue;
			batch.replies[count] = (struct iovec){batch.buffers[i], length};
			batch.out[count].msg_hdr.msg_name = &batch.peers[i];
			batch.out[count].msg_hdr.msg_namelen = sizeof(batch.peers[i]);
			count++;
		}

		/* A reply that the kernel does not take is lost, as on any network. */
		for (int done = 0; done<count; done += sent> 0 ? sent : 1)
			sent = sendmmsg(fd, batch.out + done, count - done, 0);
	}
}

static int open_udp(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int on = 1, size = SOCKET_BUFFER;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)))
		die("SO_REUSEPORT");
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		die("bind (UDP)");
	return fd;
}

static void *tcp_thread(void *address)
{
	serve_tcp(address);
	return NULL;
}

void die(const char *what)
{
	perror(what);
	exit(1);
}
