/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What people see of a decision: a counter always, an event while somebody observes. */
#ifndef LRA_OBSERVE_H
#define LRA_OBSERVE_H

#include "maps.h"

static __always_inline void count_outcome(const struct endpoint *from, enum outcome outcome)
{
	struct outcome_counters *counter = bpf_map_lookup_elem(&counters, from);

	if (!counter)
		return;
	switch (outcome) {
	case OUTCOME_AGENT:
		counter->agent++;
		break;
	case OUTCOME_LOCAL:
		counter->local++;
		break;
	case OUTCOME_FALLBACK:
		counter->fallback++;
		break;
	case OUTCOME_EXCLUDED:
		counter->excluded++;
		break;
	default:
		counter->untouched++;
	}
}

static __always_inline void count_lost(void)
{
	__u32 slot = 0;
	__u64 *lost = bpf_map_lookup_elem(&lost_events, &slot);

	if (lost)
		(*lost)++;
}

static __always_inline void emit_event(void *ctx, const struct endpoint *from,
				       const struct endpoint *target, enum outcome outcome)
{
	__u32 slot = 0;
	struct observers *observing = bpf_map_lookup_elem(&observers, &slot);
	struct redirect_event *event;
	__u64 now;

	/* Nobody ever observed: the clock need not be read. */
	if (!observing || !observing->until_ns)
		return;
	now = bpf_ktime_get_ns();
	if (now >= observing->until_ns)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count_lost(); /* a slow reader loses events, never a query */
		return;
	}
	event->time_ns = now;
	event->cookie = bpf_get_socket_cookie(ctx);
	event->cgroup_id = bpf_get_current_cgroup_id();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->outcome = outcome;
	event->frontend = *from;
	event->target = *target;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
}

#endif
