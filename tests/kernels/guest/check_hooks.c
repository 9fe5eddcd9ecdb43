// SPDX-License-Identifier: Apache-2.0
/* Every hook, by the shapes of socket that reach it. */
#include "guest.h"

#include <string.h>

/* Connected sockets, that they forget when they close; unconnected ones have a second entry. */
static void check_release(const struct shape *shape)
{
	struct client client = start_client(POD, shape, &cluster_ip);
	int open = count_entries("reverse", sizeof(struct reverse_key)), closed;

	end_client(&client);
	closed = count_entries("reverse", sizeof(struct reverse_key));
	explain("%d entries while open, %d when closed", open, closed);
	report(open == (shape->is_connected ? 1 : 2) && closed == 0, "sock_release forgets: %s",
	       shape->name);
}

static void check_other_destination(void)
{
	struct client client = start_client(POD, &shapes[0], &fallback);

	end_client(&client);
	explain("answered by \"%s\", peer %s", client.answer.who, client.answer.peer);
	report(!strcmp(client.answer.who, "fallback") &&
		   !strcmp(client.answer.peer, "10.244.0.2 53"),
	       "another destination is left alone");
}

void check_hooks(void)
{
	write_frontends(FRONTEND_AGENT, 0, 1);
	write_lease(3600 * 1000);
	enter_liveness_socket();
	for (int i = 0; i < SHAPE_COUNT; i++)
		report(is_answered_by(&agent, POD, &shapes[i]), "redirect and restore: %s",
		       shapes[i].name);
	for (int i = 0; i < SHAPE_COUNT; i++)
		check_release(&shapes[i]);
	check_other_destination();
	report(is_answered_by(&cluster_ip, OUTSIDE, &shapes[0]),
	       "a process outside the cgroup is left alone");
}
