/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The layouts that the kernel and the agent share. Each struct is mirrored in
 * Agent.Native/BpfLayout.cs, and a test compares sizes and offsets against this object's BTF.
 * Change one: raise LAYOUT_VERSION.
 */
#ifndef LRA_LAYOUT_H
#define LRA_LAYOUT_H

#include <linux/types.h>

/* Pins of another version are not reused: the agent builds a new set aside, and shares with it the
 * maps that hold what was learned or counted and whose sizes are the same. Change what is inside
 * without changing those, or the number of entries alone: give the map another name.
 */
#define LAYOUT_VERSION 3

/* Where a socket points. IPv4 addresses are written v4-mapped (::ffff:a.b.c.d), so that IPv4, IPv6
 * and v4-mapped IPv6 sockets share one frontend, one backend list and one code path.
 */
struct endpoint {
	__u8 address[16] __attribute__((aligned(4)));
	__be16 port;
	__u8 protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	__u8 reserved;
};

#define FRONTEND_AGENT 1 /* the agent itself serves this frontend while it is alive and well */
#define FRONTEND_SKIPS 2 /* `skipped_cgroups` may hold some for this frontend */
/* The fallback are the cluster's own DNS servers. Nothing here looks at it: an agent that starts
 * while the API server is away finds its upstreams by it.
 */
#define FRONTEND_CLUSTER_DNS 4

struct frontend {
	struct endpoint agent;
	__u32 flags;
	__u16 local_count;    /* ready pods of this node that the policy names */
	__u16 fallback_count; /* endpoints to use while the agent is away */
};

enum backend_kind {
	BACKEND_LOCAL,
	BACKEND_FALLBACK,
};

struct backend_key {
	struct endpoint frontend;
	__u16 kind; /* enum backend_kind */
	__u16 slot; /* 0 .. local_count or fallback_count, exclusive */
};

struct reverse_key {
	__u64 cookie;
	struct endpoint
	    backend; /* all zero but the protocol: the entry that sock_release starts from */
	__u32 reserved;
};

struct agent_lease {
	__u32 layout_version;
	__u32 owner;		 /* ID of the thread that renews the lease; a robust futex */
	__u64 deadline_ns;	 /* CLOCK_MONOTONIC; in the past: the agent is stopped or stuck */
	__u64 fallback_until_ns; /* CLOCK_MONOTONIC; 0: the fallback is good for ever */
	/* Sockets of the agent's own that are redirected as a pod's are: through them it asks
	 * itself whether its redirect works. 0: none. */
	__u64 probe_cookies[2];
};

/* What is left of `owner` when its thread dies has none of these bits (FUTEX_TID_MASK). */
#define OWNER_ID_MASK 0x3fffffff

struct observers {
	__u64 until_ns; /* CLOCK_MONOTONIC; in the past: nobody observes, no events are written */
};

/* What a cgroup's processes get. Of a process's own cgroup and those above it, the nearest that has
 * a mode decides; without any, its calls are redirected.
 */
enum cgroup_mode {
	EXCLUDE_EXACT = 1,   /* left alone: processes directly in the cgroup */
	EXCLUDE_SUBTREE = 2, /* and those in the cgroups below it */
	INCLUDE_SUBTREE = 3, /* redirected, those in the cgroups below it too */
};

/* A backend's pod that asks the frontend which it stands behind. */
struct skip_key {
	__u64 cgroup_id;
	struct endpoint frontend;
	__u32 reserved;
};

enum outcome {
	OUTCOME_AGENT,
	OUTCOME_LOCAL,
	OUTCOME_FALLBACK,
	OUTCOME_UNTOUCHED,
	OUTCOME_EXCLUDED,
	OUTCOME_COUNT,
};

struct outcome_counters {
	__u64 agent;
	__u64 local;
	__u64 fallback;
	__u64 untouched;
	__u64 excluded;
};

struct redirect_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 cookie;
	__u64 cgroup_id;
	__u32 pid;     /* thread group, as the initial PID namespace numbers it */
	__u32 outcome; /* enum outcome */
	struct endpoint frontend;
	struct endpoint target; /* equal to the frontend where nothing was translated */
	char comm[16];
};

_Static_assert(sizeof(struct endpoint) == 20, "layout shared with C#");
_Static_assert(sizeof(struct frontend) == 28, "layout shared with C#");
_Static_assert(sizeof(struct backend_key) == 24, "layout shared with C#");
_Static_assert(sizeof(struct reverse_key) == 32, "layout shared with C#");
_Static_assert(sizeof(struct agent_lease) == 40, "layout shared with C#");
_Static_assert(sizeof(struct observers) == 8, "layout shared with C#");
_Static_assert(sizeof(struct skip_key) == 32, "layout shared with C#");
_Static_assert(sizeof(struct outcome_counters) == 8 * OUTCOME_COUNT,
	       "one counter for each outcome");
_Static_assert(sizeof(struct redirect_event) == 88, "layout shared with C#");

#endif
