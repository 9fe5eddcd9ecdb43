// SPDX-License-Identifier: Apache-2.0
/* What an agent writes into the maps. */
#include "guest.h"

#include <linux/futex.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void write_backend(const struct endpoint *frontend, enum backend_kind kind,
			  const struct endpoint *backend)
{
	struct backend_key key = {.frontend = *frontend, .kind = kind};

	put("backends", &key, backend);
}

static void write_frontend(int family, int protocol, struct frontend value)
{
	struct endpoint key = endpoint_of(&cluster_ip, family, protocol);
	struct endpoint local_pod = endpoint_of(&local, family, protocol);
	struct endpoint dns_pod = endpoint_of(&fallback, family, protocol);

	value.agent = endpoint_of(&agent, family, protocol);
	write_backend(&key, BACKEND_LOCAL, &local_pod);
	write_backend(&key, BACKEND_FALLBACK, &dns_pod);
	put("frontends", &key, &value);
}

void write_frontends(__u32 flags, __u16 local_count, __u16 fallback_count)
{
	struct frontend value = {
	    .flags = flags, .local_count = local_count, .fallback_count = fallback_count};

	write_frontend(AF_INET, IPPROTO_UDP, value);
	write_frontend(AF_INET, IPPROTO_TCP, value);
	write_frontend(AF_INET6, IPPROTO_UDP, value);
	write_frontend(AF_INET6, IPPROTO_TCP, value);
}

__u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void write_lease_of(__u32 owner, __u64 deadline_ns, __u64 fallback_until_ns)
{
	struct agent_lease lease = {.layout_version = LAYOUT_VERSION,
				    .owner = owner,
				    .deadline_ns = deadline_ns,
				    .fallback_until_ns = fallback_until_ns};
	__u32 slot = 0;

	put("agent_lease", &slot, &lease);
}

static __u64 from_now(long long milliseconds)
{
	return now_ns() + milliseconds * 1000000;
}

/* By a thread that is never looked for, as an agent that may not have a robust list writes it. */
void write_lease(long long milliseconds)
{
	write_lease_of(OWNER_ID_MASK, from_now(milliseconds), 0);
}

void write_fallback_end(long long milliseconds)
{
	write_lease_of(0, 0, from_now(milliseconds));
}

/* The kernel strikes the caller's ID out when it dies: the word is on its robust list, in memory
 * that is the map's. */
void own_lease(void)
{
	static struct {
		struct robust_list_head head;
		struct robust_list entry;
	} list;
	int map = open_map("agent_lease");
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	if (page == MAP_FAILED)
		die("map the lease: %m");
	list.head.list.next = &list.entry;
	list.entry.next = &list.head.list;
	list.head.futex_offset = page + offsetof(struct agent_lease, owner) - (char *)&list.entry;
	if (syscall(SYS_set_robust_list, &list.head, sizeof(list.head)))
		die("robust list: %m");
	write_lease_of(getpid(), from_now(3600 * 1000), 0);
}

void observe(long long milliseconds)
{
	struct observers until = {.until_ns = from_now(milliseconds)};
	__u32 slot = 0;

	put("observers", &slot, &until);
}

/* A UDP socket connected to itself, as the agent's. */
void enter_liveness_socket(void)
{
	struct sockaddr_in self = {.sin_family = AF_INET};
	socklen_t length = sizeof(self);
	int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	__u64 value = socket_;
	__u32 slot = 0;

	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(socket_, (void *)&self, length) || getsockname(socket_, (void *)&self, &length) ||
	    connect(socket_, (void *)&self, length))
		die("liveness socket: %m");
	put("agent_sockets", &slot, &value);
}

__u64 cgroup_id(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		die("%s: %m", path);
	return status.st_ino;
}

static void raise_generation(void)
{
	static __u32 generation;
	__u32 slot = 0;

	generation++;
	put("modes_generation", &slot, &generation);
}

void set_mode(const char *cgroup, enum cgroup_mode mode)
{
	__u64 key = cgroup_id(cgroup);
	__u32 value = mode;

	put("cgroup_modes", &key, &value);
	raise_generation();
}

void clear_mode(const char *cgroup)
{
	__u64 key = cgroup_id(cgroup);

	take_away("cgroup_modes", &key);
	raise_generation();
}
