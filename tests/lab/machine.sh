# shellcheck shell=bash
# What the lab takes from the machine: cgroups, processes, the BPF file system.

die() {
	echo "lab: $*" >&2
	exit 1
}

# On hybrid hosts cgroup v2 is not at /sys/fs/cgroup.
find_cgroup2() {
	local mountpoint type
	while read -r _ mountpoint type _; do
		if [ "$type" = cgroup2 ]; then
			echo "$mountpoint"
			return
		fi
	done </proc/self/mounts
}

CGROUP2=$(find_cgroup2)
LAB_CGROUP=$CGROUP2/$LAB
AGENT_CGROUP=${LAB_AGENT_CGROUP:-system/agent}

require_machine() {
	local tool
	[ "$(id -u)" -eq 0 ] || die "needs root"
	for tool in ip nsenter unshare setsid flock bpftool knotd knotc dig; do
		command -v "$tool" >/dev/null || die "$tool is missing: run 'make setup'"
	done
	ip netns add "$LAB-ctr" || die "this machine cannot make network namespaces"
	! can_redirect || mount_bpffs
}

# Prints why this machine cannot redirect, nothing when it can.
missing_for_redirect() {
	[ -n "$CGROUP2" ] || echo "no cgroup v2 mount"
	[ -z "$CGROUP2" ] || [ -w "$CGROUP2/cgroup.procs" ] || echo "$CGROUP2 is not writable"
	bpftool prog list >/dev/null 2>&1 || echo "no BPF: CAP_SYS_ADMIN or CAP_BPF is missing, or the kernel lacks bpf(2)"
}

can_redirect() {
	[ -z "$(missing_for_redirect)" ]
}

# Under a lock, since two labs that mount at once would hide each other's pins. It stays mounted: others may use it.
mount_bpffs() {
	flock /sys/fs/bpf sh -c 'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'
}

# A pod of w1 lies below the `kubepods` that the agent attaches to; ctr stands for another machine, so its pods lie elsewhere.
cgroup_of() {
	case $1 in
	kube-dns-*) echo "ctr/kubepods/burstable/pod-$1" ;;
	curl-pod | webpod) echo "kubepods/burstable/pod-$1" ;;
	agent) echo "$AGENT_CGROUP" ;;
	ctr | w1 | router) echo "system/$1" ;;
	*) die "no node or pod '$1'" ;;
	esac
}

make_cgroups() {
	local place
	[ -n "$CGROUP2" ] || return 0
	for place in "${NODES[@]}" "${PODS[@]}" agent; do
		mkdir -p "$LAB_CGROUP/$(cgroup_of "$place")"
	done
}

join_cgroup() {
	[ -n "$CGROUP2" ] || return 0
	[ -d "$LAB_CGROUP/$1" ] || mkdir -p "$LAB_CGROUP/$1"
	echo "$BASHPID" >"$LAB_CGROUP/$1/cgroup.procs"
}

# A process that was killed may keep its cgroup busy for a moment longer than it is listed.
remove_cgroups() {
	[ -n "$CGROUP2" ] && [ -d "$LAB_CGROUP" ] || return 0
	wait_until 5 rmdir_cgroups || die "$LAB_CGROUP cannot be removed"
}

rmdir_cgroups() {
	find "$LAB_CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || [ ! -d "$LAB_CGROUP" ]
}

lab_pids() {
	local place
	[ -z "$CGROUP2" ] || find "$LAB_CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null || true
	for place in "${NODES[@]}" "${PODS[@]}"; do
		ip netns pids "$LAB-$place" 2>/dev/null || true
	done
}

end_processes() {
	local pid pids
	until pids=$(lab_pids) && [ -z "$pids" ]; do
		for pid in $pids; do
			kill -KILL "$pid" 2>/dev/null || true
		done
		sleep 0.02
	done
}

require_probe() {
	[ -x "$PROBE" ] || make --silent -C "$HERE" "$PROBE" >&2
}
