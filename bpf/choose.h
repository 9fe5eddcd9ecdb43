/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a frontend's traffic goes: the decision that must outlive the agent. */
#ifndef LRA_CHOOSE_H
#define LRA_CHOOSE_H

#include "maps.h"

/* The deepest cgroup that an exclusion can name: kubepods/burstable/pod/container needs four. */
#define MAX_CGROUP_DEPTH 8

static __always_inline bool is_excluded(void)
{
	__u64 cgroup = bpf_get_current_cgroup_id();
	__u32 *exclusion = bpf_map_lookup_elem(&excluded_cgroups, &cgroup);

	if (exclusion)
		return true;

#pragma unroll
	for (int depth = 1; depth < MAX_CGROUP_DEPTH; depth++) {
		__u64 ancestor = bpf_get_current_ancestor_cgroup_id(depth);

		if (!ancestor || ancestor == cgroup)
			return false;
		exclusion = bpf_map_lookup_elem(&excluded_cgroups, &ancestor);
		if (exclusion && *exclusion == EXCLUDE_SUBTREE)
			return true;
	}
	return false;
}

static __always_inline bool agent_is_alive(void)
{
	__u32 slot = 0;
	struct bpf_sock *socket = bpf_map_lookup_elem(&agent_sockets, &slot);

	if (!socket)
		return false;
	bpf_sk_release(socket);
	return true;
}

static __always_inline bool agent_is_well(void)
{
	__u32 slot = 0;
	struct agent_lease *lease = bpf_map_lookup_elem(&agent_lease, &slot);

	return lease && bpf_ktime_get_ns() < lease->deadline_ns;
}

static __always_inline bool pick_backend(const struct endpoint *from, enum backend_kind kind,
					 __u16 count, struct endpoint *target)
{
	struct backend_key key = {.frontend = *from, .kind = kind};
	struct endpoint *backend;

	if (!count)
		return false;
	key.slot = bpf_get_prandom_u32() % count;
	backend = bpf_map_lookup_elem(&backends, &key);
	if (!backend)
		return false;
	*target = *backend;
	return true;
}

/* Writes the target where the outcome has one. The order is DESIGN section 2. */
static __always_inline enum outcome choose(const struct endpoint *from,
					   const struct frontend *frontend, struct endpoint *target)
{
	if (is_excluded())
		return OUTCOME_EXCLUDED;
	if ((frontend->flags & FRONTEND_AGENT) && agent_is_alive() && agent_is_well()) {
		*target = frontend->agent;
		return OUTCOME_AGENT;
	}
	if (pick_backend(from, BACKEND_LOCAL, frontend->local_count, target))
		return OUTCOME_LOCAL;
	if (pick_backend(from, BACKEND_FALLBACK, frontend->fallback_count, target))
		return OUTCOME_FALLBACK;
	return OUTCOME_UNTOUCHED;
}

#endif
