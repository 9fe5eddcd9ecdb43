// SPDX-License-Identifier: Apache-2.0
/* Who is left alone, and who comes first beside another load balancer. */
#include "guest.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTAINER POD "/container"

static const struct shape *const udp = &shapes[0];

static void check_modes(void)
{
	set_mode(POD, EXCLUDE_EXACT);
	report(is_answered_by(&cluster_ip, POD, udp), "an excluded cgroup is left alone");
	report(is_answered_by(&agent, CONTAINER, udp), "excluded exactly: not those below it");
	set_mode(POD, EXCLUDE_SUBTREE);
	report(is_answered_by(&cluster_ip, CONTAINER, udp), "an excluded subtree is left alone");
	set_mode(CONTAINER, INCLUDE_SUBTREE);
	report(is_answered_by(&agent, CONTAINER, udp), "included again below it");
	clear_mode(CONTAINER);
	clear_mode(POD);
	report(is_answered_by(&agent, CONTAINER, udp), "no longer excluded: the agent");
}

/* A backend's own pod. */
static void check_skips(void)
{
	struct skip_key key = {.cgroup_id = cgroup_id(POD),
			       .frontend = endpoint_of(&cluster_ip, AF_INET, IPPROTO_UDP)};
	__u32 value = 1;

	put("skipped_cgroups", &key, &value);
	write_frontends(FRONTEND_AGENT | FRONTEND_SKIPS, 0, 1);
	report(is_answered_by(&cluster_ip, CONTAINER, udp),
	       "a backend's pod is not sent to itself");
	report(is_answered_by(&agent, CONTAINER, &shapes[3]),
	       "a backend's pod is sent to other frontends");
	take_away("skipped_cgroups", &key);
	write_frontends(FRONTEND_AGENT, 0, 1);
}

/* At the root, as Cilium attaches. */
static struct bpf_link *attach_rival(struct bpf_object *object, const char *name)
{
	int root = open(CGROUPS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);
	struct bpf_link *link = bpf_program__attach_cgroup(program, root);

	close(root);
	if (!link)
		die("attach %s: %m", name);
	return link;
}

static void report_rival(const char *cgroup, const char *claim)
{
	struct answer answer = ask(cgroup, udp);

	explain("answered by \"%s\"", answer.who);
	report(!strcmp(answer.who, rival.name), "%s", claim);
}

/* The rival translates the ClusterIP too, for everybody who still asks for it. */
static void check_rival(void)
{
	struct bpf_object *object = bpf_object__open_file("/rival.bpf.o", NULL);
	struct bpf_link *connect4, *sendmsg4;

	if (!object || bpf_object__load(object))
		die("rival: %m");
	connect4 = attach_rival(object, "connect4");
	sendmsg4 = attach_rival(object, "sendmsg4");
	report_rival(OUTSIDE, "a rival at the root cgroup has the others");
	report(is_answered_by(&agent, POD, udp), "the child cgroup runs before it: connect4");
	report(is_answered_by(&agent, POD, &shapes[1]),
	       "the child cgroup runs before it: sendmsg4");
	set_mode(POD, EXCLUDE_SUBTREE);
	report_rival(POD, "what is left alone, the rival gets");
	clear_mode(POD);
	bpf_link__destroy(connect4);
	bpf_link__destroy(sendmsg4);
	bpf_object__close(object);
}

void check_cgroups(void)
{
	enter_liveness_socket();
	check_modes();
	check_skips();
	check_rival();
}
