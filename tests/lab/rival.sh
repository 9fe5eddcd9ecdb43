# shellcheck shell=bash
# Another load balancer's BPF programs at the parent of `kubepods`, as Cilium attaches its own at the cgroup root.

RIVAL_PINS=/sys/fs/bpf/$LAB-rival
RIVAL_OBJECT=$REPOSITORY/out/bpf/rival.bpf.o
RIVAL_HOOKS=(connect4 sendmsg4)

rival() {
	case $1 in
	attach) attach_rival ;;
	detach) detach_rival ;;
	*) die "usage: lab rival attach|detach" ;;
	esac
}

attach_rival() {
	local hook
	make --silent -C "$HERE" "$RIVAL_OBJECT" >&2
	bpftool prog loadall "$RIVAL_OBJECT" "$RIVAL_PINS"
	for hook in "${RIVAL_HOOKS[@]}"; do
		bpftool cgroup attach "$LAB_CGROUP" "$hook" pinned "$RIVAL_PINS/$hook" multi
	done
}

detach_rival() {
	local hook
	[ -e "$RIVAL_PINS" ] || return 0
	for hook in "${RIVAL_HOOKS[@]}"; do
		bpftool cgroup detach "$LAB_CGROUP" "$hook" pinned "$RIVAL_PINS/$hook" 2>/dev/null || true
	done
	rm -r "$RIVAL_PINS"
}
