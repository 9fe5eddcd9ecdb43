/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a frontend's traffic goes: the decision that must outlive the agent. */
#ifndef LRA_CHOOSE_H
#define LRA_CHOOSE_H

#include "maps.h"

/* The deepest cgroup whose mode holds for those below it: kubepods/burstable/pod/container needs
 * four, the same inside a node that is itself a container seven.
 */
#define MAX_CGROUP_DEPTH 8

/* From the root downwards, so that the last word is the nearest one's. */
static __always_inline bool find_excluded(__u64 own)
{
	bool excluded = false;
	__u32 *mode;

#pragma unroll
	for (int depth = 0; depth < MAX_CGROUP_DEPTH; depth++) {
		__u64 cgroup = bpf_get_current_ancestor_cgroup_id(depth);

		if (!cgroup)
			return excluded;
		mode = bpf_map_lookup_elem(&cgroup_modes, &cgroup);
		if (mode && (cgroup == own || *mode != EXCLUDE_EXACT))
			excluded = *mode != INCLUDE_SUBTREE;
		if (cgroup == own)
			return excluded;
	}
	mode = bpf_map_lookup_elem(&cgroup_modes, &own);
	return mode ? *mode != INCLUDE_SUBTREE : excluded;
}

static __always_inline bool is_excluded(void)
{
	__u32 slot = 0;
	__u64 cgroup = bpf_get_current_cgroup_id();
	__u32 *generation = bpf_map_lookup_elem(&modes_generation, &slot);
	struct cgroup_verdict *known = bpf_map_lookup_elem(&cgroup_verdicts, &cgroup);
	struct cgroup_verdict found;

	if (!generation)
		return false;
	/* Read before the modes are: what is found in modes that change meanwhile is not used
	 * again. */
	found.generation = *(volatile __u32 *)generation;
	if (known && known->generation == found.generation)
		return known->is_excluded;
	found.is_excluded = find_excluded(cgroup);
	bpf_map_update_elem(&cgroup_verdicts, &cgroup, &found, BPF_ANY);
	return found.is_excluded;
}

/* A backend that asks its own frontend must not be sent to itself. */
static __always_inline bool is_skipped(const struct endpoint *from)
{
	struct skip_key key = {.frontend = *from};

#pragma unroll
	for (int depth = 1; depth < MAX_CGROUP_DEPTH; depth++) {
		key.cgroup_id = bpf_get_current_ancestor_cgroup_id(depth);
		if (!key.cgroup_id)
			return false;
		if (bpf_map_lookup_elem(&skipped_cgroups, &key))
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

/* The word that the kernel writes when the owner dies is read anew for each decision. */
static __always_inline bool agent_is_well(const struct agent_lease *lease, __u64 now)
{
	return (*(const volatile __u32 *)&lease->owner & OWNER_ID_MASK) && now < lease->deadline_ns;
}

/* Endpoints that nobody has looked after for too long may be anybody's by now. */
static __always_inline bool fallback_is_over(const struct agent_lease *lease, __u64 now)
{
	return lease->fallback_until_ns && now >= lease->fallback_until_ns;
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

/* Asked only about callers that are excluded, as the agent is: pods pay nothing for it. */
static __always_inline bool is_probe(struct bpf_sock_addr *ctx, const struct agent_lease *lease)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);

	return cookie == lease->probe_cookies[0] || cookie == lease->probe_cookies[1];
}

/* Writes the target where the outcome has one. The order is DESIGN section 2. */
static __always_inline enum outcome choose(struct bpf_sock_addr *ctx, const struct endpoint *from,
					   const struct frontend *frontend, struct endpoint *target)
{
	__u32 slot = 0;
	struct agent_lease *lease = bpf_map_lookup_elem(&agent_lease, &slot);
	__u64 now;

	if ((is_excluded() && !(lease && is_probe(ctx, lease))) ||
	    ((frontend->flags & FRONTEND_SKIPS) && is_skipped(from)))
		return OUTCOME_EXCLUDED;
	now = bpf_ktime_get_ns();
	if ((frontend->flags & FRONTEND_AGENT) && lease && agent_is_well(lease, now) &&
	    agent_is_alive()) {
		*target = frontend->agent;
		return OUTCOME_AGENT;
	}
	if (lease && fallback_is_over(lease, now))
		return OUTCOME_UNTOUCHED;
	if (pick_backend(from, BACKEND_LOCAL, frontend->local_count, target))
		return OUTCOME_LOCAL;
	if (pick_backend(from, BACKEND_FALLBACK, frontend->fallback_count, target))
		return OUTCOME_FALLBACK;
	return OUTCOME_UNTOUCHED;
}

#endif
