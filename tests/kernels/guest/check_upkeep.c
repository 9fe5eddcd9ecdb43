// SPDX-License-Identifier: Apache-2.0
/* What the agent does beside serving: events, stale sockets, upgrade, uninstall. */
#include "guest.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct shape *const udp = &shapes[0];
static struct redirect_event last_event;
static int event_count;

static int take_event(void *context, void *data, size_t size)
{
	(void)context;
	if (size == sizeof(last_event))
		memcpy(&last_event, data, size);
	event_count++;
	return 0;
}

static bool is_event_of(const struct client *client, __u64 before)
{
	struct endpoint frontend = endpoint_of(&cluster_ip, AF_INET, IPPROTO_UDP);
	struct endpoint target = endpoint_of(&agent, AF_INET, IPPROTO_UDP);

	explain("%d events; pid %u of %d, outcome %u, cgroup %llu, comm %.16s", event_count,
		last_event.pid, client->pid, last_event.outcome, last_event.cgroup_id,
		last_event.comm);
	return event_count == 1 && last_event.pid == (__u32)client->pid &&
	       last_event.cookie == client->answer.cookie && last_event.outcome == OUTCOME_AGENT &&
	       last_event.cgroup_id == cgroup_id(POD) && last_event.time_ns >= before &&
	       last_event.time_ns <= now_ns() &&
	       !memcmp(&last_event.frontend, &frontend, sizeof(frontend)) &&
	       !memcmp(&last_event.target, &target, sizeof(target)) &&
	       !strcmp(last_event.comm, "init");
}

static void check_events(void)
{
	struct ring_buffer *ring = ring_buffer__new(open_map("events"), take_event, NULL, NULL);
	__u64 before = now_ns();
	struct client client;

	if (!ring)
		die("ring buffer: %m");
	ask(POD, udp);
	ring_buffer__consume(ring);
	explain("%d events", event_count);
	report(event_count == 0, "no event unless somebody observes");
	observe(60 * 1000);
	client = start_client(POD, udp, &cluster_ip);
	ring_buffer__consume(ring);
	report(is_event_of(&client, before), "one event in the ring buffer, each field right");
	end_client(&client);
	observe(-1);
	ring_buffer__free(ring);
}

/* As `lra repair` does it, and only the one with that cookie. */
static void check_destroy(void)
{
	struct client stale = start_client(POD, udp, &cluster_ip);
	struct client other = start_client(POD, udp, &cluster_ip);
	bool is_destroyed = destroy_udp_socket(stale.answer.cookie);
	int error;

	report(is_destroyed, "sock_diag destroys a redirected UDP socket");
	error = wait_for_error(&stale);
	explain("%s", strerror(error));
	report(error == ECONNABORTED, "the destroyed socket's owner gets ECONNABORTED");
	error = wait_for_error(&other);
	explain("%s", strerror(error));
	report(error == EAGAIN, "another socket to the same backend is left alone");
	end_client(&stale);
	end_client(&other);
}

static void check_upgrade(void)
{
	report(replace_programs(), "each link gets the new program in place of the old");
	report(is_answered_by(&agent, POD, udp), "the new programs go on with the same maps");
}

/* The kernel frees a link some time after its last reference. */
static void check_uninstall(void)
{
	bool is_gone = false;

	unpin();
	for (int i = 0; i < 100 && !is_gone; i++) {
		is_gone = is_answered_by(&cluster_ip, POD, udp);
		usleep(20 * 1000);
	}
	report(is_gone, "without its pins the datapath is gone");
}

void check_upkeep(void)
{
	check_events();
	check_destroy();
	check_upgrade();
	check_uninstall();
}
