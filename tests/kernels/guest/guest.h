/* SPDX-License-Identifier: Apache-2.0 */
/* PID 1 of a virtual machine with nothing else in it: loads the real object, lets clients in
 * cgroups of their own ask servers on `lo`, and reports what they saw, one line a check.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "layout.h"

#define CGROUPS "/sys/fs/cgroup"
#define KUBEPODS CGROUPS "/kubepods"
#define POD KUBEPODS "/burstable/pod-a"
#define OUTSIDE CGROUPS "/system"
#define PINS "/sys/fs/bpf/lra"
#define DNS_PORT 53

/* Servers answer with their own names. Nobody but the one at the ClusterIP itself answers what was
 * not redirected, so a hook that does nothing cannot pass for one that works.
 */
struct server {
	const char *name;
	const char *v4;
	const char *v6;
};

extern const struct server agent, local, fallback, cluster_ip, rival;

/* How a client asks. */
struct shape {
	const char *name;
	int family;
	bool is_mapped; /* an IPv6 socket and an IPv4 address */
	bool is_tcp;
	bool is_connected;
};

#define SHAPE_COUNT 9
extern const struct shape shapes[SHAPE_COUNT];

/* What the client's own system calls told it. */
struct answer {
	char who[16]; /* empty: nobody answered */
	char peer[64];
	char from[64];
	int error;
	__u64 cookie;
};

struct client {
	pid_t pid;
	int to, from;
	struct answer answer;
};

/* init.c */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void explain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* network.c */
void set_up_network(void);
void start_servers(void);
const char *format_address(const void *address, char text[64]);
struct endpoint endpoint_of(const struct server *server, int family, int protocol);
bool destroy_udp_socket(__u64 cookie);

/* client.c: a client asks at once and then holds its socket until it is ended. */
struct client start_client(const char *cgroup, const struct shape *shape, const struct server *to);
int wait_for_error(const struct client *client); /* the errno of the socket's next receive */
void end_client(struct client *client);
struct answer ask(const char *cgroup, const struct shape *shape);
bool is_answered_by(const struct server *who, const char *cgroup, const struct shape *shape);

/* datapath.c */
bool load_and_pin(void);
bool replace_programs(void);
void unpin(void);
int open_map(const char *name);
void put(const char *map, const void *key, const void *value);
void take_away(const char *map, const void *key);
int count_entries(const char *map, size_t key_size);

/* state.c: what an agent would write. */
void write_frontends(__u32 flags, __u16 local_count, __u16 fallback_count);
void write_lease(long long milliseconds);
void write_fallback_end(long long milliseconds);
void own_lease(void);		  /* until the caller dies */
void enter_liveness_socket(void); /* it lives as long as the caller */
void set_mode(const char *cgroup, enum cgroup_mode mode);
void clear_mode(const char *cgroup);
void observe(long long milliseconds);
__u64 now_ns(void);
__u64 cgroup_id(const char *path);

/* check_*.c */
void check_hooks(void);
void check_choice(void);
void check_cgroups(void);
void check_upkeep(void);

#endif
