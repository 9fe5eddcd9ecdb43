// SPDX-License-Identifier: Apache-2.0
/* Where the traffic goes: the decision that outlives the agent. */
#include "guest.h"

#include <bpf/bpf.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct shape *const udp = &shapes[0];
static const struct shape *const unconnected6 = &shapes[4];
static const struct shape *const tcp = &shapes[2];

/* A process that does what is told once, and then nothing but live. */
static pid_t start(void (*begin)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		die("pipe: %m");
	pid = fork();
	if (pid == 0) {
		begin();
		write(ready[1], "r", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("a process does not start");
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool has_liveness_socket(void)
{
	int map = open_map("agent_sockets");
	__u64 cookie;
	__u32 slot = 0;
	bool is_there = !bpf_map_lookup_elem(map, &slot, &cookie);

	close(map);
	return is_there;
}

/* It is dead before wait returns, and nobody wrote a map since. */
static void check_kill(void)
{
	pid_t pid = start(enter_liveness_socket);

	report(is_answered_by(&agent, POD, udp), "the agent is alive and well: it is asked");
	end(pid);
	report(is_answered_by(&fallback, POD, udp), "kill -9, the next query: the fallback (UDP)");
	report(is_answered_by(&fallback, POD, unconnected6),
	       "kill -9, the next query: the fallback (unconnected, IPv6)");
	report(is_answered_by(&fallback, POD, tcp), "kill -9, the next query: the fallback (TCP)");
	report(!has_liveness_socket(), "the SOCKMAP is empty when the process has died");
}

static void check_lease(void)
{
	pid_t pid = start(enter_liveness_socket);

	write_lease(-1);
	report(is_answered_by(&fallback, POD, udp), "lease in the past: the fallback");
	write_lease(3600 * 1000);
	report(is_answered_by(&agent, POD, udp), "lease renewed: the agent");
	write_lease(300);
	usleep(400 * 1000);
	report(is_answered_by(&fallback, POD, udp), "lease runs out by itself: the fallback");
	write_lease(3600 * 1000);
	end(pid);
}

/* Its sockets close later than the thread that renews the lease dies: here, in another process. */
static void check_owner(void)
{
	pid_t agent_process = start(enter_liveness_socket), thread = start(own_lease);

	report(is_answered_by(&agent, POD, udp), "the lease has a living owner: the agent");
	end(thread);
	report(is_answered_by(&fallback, POD, udp),
	       "a dead owner is struck out (robust list): the fallback");
	report(has_liveness_socket(), "the liveness socket is still there then");
	end(agent_process);
	write_lease(3600 * 1000);
}

static void check_fallback_end(void)
{
	write_fallback_end(3600 * 1000);
	report(is_answered_by(&fallback, POD, udp), "without an agent, before fallbackTtl is over");
	write_fallback_end(-1);
	report(is_answered_by(&cluster_ip, POD, udp), "fallbackTtl is over: left alone");
	write_lease(3600 * 1000);
}

static void check_order(void)
{
	write_frontends(FRONTEND_AGENT, 1, 1);
	report(is_answered_by(&local, POD, udp), "without an agent, a local backend first");
	write_frontends(FRONTEND_AGENT, 0, 0);
	report(is_answered_by(&cluster_ip, POD, udp), "without any backend, left alone (UDP)");
	report(is_answered_by(&cluster_ip, POD, unconnected6),
	       "without any backend, left alone (unconnected, IPv6)");
	write_frontends(FRONTEND_AGENT, 0, 1);
}

static struct outcome_counters read_counters(const struct endpoint *frontend)
{
	struct outcome_counters per_cpu[64] = {0}; /* one CPU in this machine */
	int map = open_map("counters");

	bpf_map_lookup_elem(map, frontend, per_cpu);
	close(map);
	return per_cpu[0];
}

/* The agent creates a frontend's counters; the programs only add. */
static void check_counters(void)
{
	struct endpoint frontend = endpoint_of(&cluster_ip, AF_INET, IPPROTO_UDP);
	struct outcome_counters counters[64] = {0};

	put("counters", &frontend, counters);
	ask(POD, udp);
	ask(POD, udp);
	write_frontends(FRONTEND_AGENT, 1, 1);
	ask(POD, udp);
	write_frontends(FRONTEND_AGENT, 0, 1);
	counters[0] = read_counters(&frontend);
	explain("agent %llu local %llu fallback %llu untouched %llu excluded %llu",
		counters[0].agent, counters[0].local, counters[0].fallback, counters[0].untouched,
		counters[0].excluded);
	report(counters[0].agent == 0 && counters[0].local == 1 && counters[0].fallback == 2 &&
		   counters[0].untouched == 0 && counters[0].excluded == 0,
	       "counters: 2 fallback, 1 local");
}

void check_choice(void)
{
	__u32 slot = 0;

	take_away("agent_sockets", &slot);
	check_kill();
	check_lease();
	check_owner();
	check_fallback_end();
	check_order();
	check_counters();
}
