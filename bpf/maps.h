/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* All state of the datapath. The maps are pinned, outlive the agent and are read with bpftool
 * (README.md). */
#ifndef LRA_MAPS_H
#define LRA_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "layout.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct endpoint);
	__type(value, struct frontend);
} frontends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct backend_key);
	__type(value, struct endpoint);
} backends SEC(".maps");

/* What the application asked for, by what its socket was given instead. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct reverse_key);
	__type(value, struct endpoint);
} reverse SEC(".maps");

/* Slot 0 holds the agent's liveness socket. The kernel empties the slot when the socket closes,
 * whatever closed it, so a killed agent loses its traffic without anybody's help.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} agent_sockets SEC(".maps");

/* The agent maps it into its memory, and names `owner` in the renewing thread's robust list: the
 * kernel clears it as that thread begins to exit (exit_robust_list), which is milliseconds before
 * the process's memory is torn down and its sockets close. BPF_F_MMAPABLE: 5.5.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct agent_lease);
} agent_lease SEC(".maps");

/* Cgroup ID -> enum cgroup_mode. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} cgroup_modes SEC(".maps");

/* Goes up after each change of `cgroup_modes`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} modes_generation SEC(".maps");

struct cgroup_verdict {
	__u32 generation; /* of the modes that it was found by */
	__u32 is_excluded;
};

/* Cgroup ID -> what the modes come to for its processes: one look-up in place of one for each
 * level. Only the programs write it.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct cgroup_verdict);
} cgroup_verdicts SEC(".maps");

/* A set: which cgroups a frontend with FRONTEND_SKIPS is not translated for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct skip_key);
	__type(value, __u32);
} skipped_cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct endpoint);
	__type(value, struct outcome_counters);
} counters SEC(".maps");

/* Of its own, since the lease is written anew every 100 ms. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct observers);
} observers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

/* Events that found the ring buffer full. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost_events SEC(".maps");

#endif
