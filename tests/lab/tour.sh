# shellcheck shell=bash
# The main job, shown step by step with real commands and their real output.

tour() {
	local missing
	require_probe
	up
	trap 'down || true' EXIT
	missing=$(missing_for_redirect)
	if [ -n "$missing" ]; then
		tour_of_the_cache "$missing"
	else
		tour_of_the_redirect
	fi
	echo
	echo "Every step worked."
}

STEP=0
CLUSTER_NAME=kubernetes.default.svc.cluster.local

step() {
	STEP=$((STEP + 1))
	printf '\n== %d. %s\n' "$STEP" "$*"
}

# Runs `lab ARG...` and shows the command, its output and its status.
OUTPUT=
STATUS=0
show_lab() {
	show "$HERE/lab" "$@"
}

show() {
	echo "\$ ${*/#"$REPOSITORY/"/}"
	STATUS=0
	OUTPUT=$("$@" 2>&1) || STATUS=$?
	[ -z "$OUTPUT" ] || sed 's/^/    /' <<<"$OUTPUT"
}

# expect CLAIM TEST...: the claim holds if the test succeeds.
expect() {
	local claim=$1
	shift
	if "$@"; then
		echo "  ok: $claim"
	else
		echo "  FAILED: $claim"
		exit 1
	fi
}

succeeded() {
	[ "$STATUS" -eq 0 ]
}

failed() {
	[ "$STATUS" -ne 0 ]
}

says() {
	succeeded && grep -qF -- "$1" <<<"$OUTPUT"
}

queries_received() {
	queries | awk '{ n += $2 } END { print n }'
}

tour_of_the_redirect() {
	show_dead_cluster_ip
	show_redirect
	show_peer
	show_hit
	show_kill
	show_restart
	show_kernel_state
	show_uninstall
}

tour_of_the_cache() {
	echo "This machine cannot redirect, so this tour shows only the cache:"
	sed 's/^/    /' <<<"$1"
	step "The agent serves without redirecting"
	show_lab agent start
	expect "the agent started" succeeded
	show_lab exec curl-pod dig +short @169.254.20.10 $CLUSTER_NAME
	expect "a pod that asks the agent by its own address is answered" says 10.96.0.1
}

show_dead_cluster_ip() {
	step "Without the agent the ClusterIP is dead: no kube-proxy, no NAT"
	show_lab exec curl-pod dig +time=1 +tries=1 @10.96.0.10 $CLUSTER_NAME
	expect "nobody answers at 10.96.0.10" failed
}

show_redirect() {
	step "With the agent, pods resolve through the ClusterIP"
	show_lab agent start
	expect "the agent started" succeeded
	show_lab exec curl-pod dig +short @10.96.0.10 $CLUSTER_NAME
	expect "over UDP and IPv4" says 10.96.0.1
	show_lab exec curl-pod dig +short +tcp @10.96.0.10 $CLUSTER_NAME
	expect "over TCP and IPv4" says 10.96.0.1
	show_lab exec curl-pod dig +short @fd00:10:96::a $CLUSTER_NAME
	expect "over UDP and IPv6" says 10.96.0.1
	show_lab exec curl-pod dig +short +tcp @fd00:10:96::a $CLUSTER_NAME
	expect "over TCP and IPv6" says 10.96.0.1
	show_lab exec curl-pod cat /etc/resolv.conf
	show_lab exec curl-pod getent ahostsv4 webpod
	expect "getaddrinfo finds a Service through the search list" says 10.244.1.3
	show_lab exec curl-pod getent ahosts www.outside.test
	expect "getaddrinfo finds a name of the outside" says 203.0.113.80
}

show_peer() {
	step "The peer that the application sees is the ClusterIP"
	show_lab probe curl-pod -c connected 10.96.0.10
	expect "getpeername and recvfrom say 10.96.0.10:53" says "peer=10.96.0.10:53 from=10.96.0.10:53"
	show_lab probe curl-pod -6 -c unconnected fd00:10:96::a
	expect "recvfrom of an unconnected socket says [fd00:10:96::a]:53" says "from=[fd00:10:96::a]:53"
	show_lab probe curl-pod -m -t tcp 10.96.0.10
	expect "so it does over TCP from an IPv6 socket" says "peer=[::ffff:10.96.0.10]:53"
}

show_hit() {
	local before
	step "A second query is a hit and does not reach kube-dns"
	show_lab exec curl-pod dig +short @10.96.0.10 alias.outside.test
	expect "answered" says 203.0.113.80
	show_lab queries
	before=$(queries_received)
	show_lab exec curl-pod dig +short @10.96.0.10 alias.outside.test
	expect "answered again" says 203.0.113.80
	show_lab queries
	expect "kube-dns received nothing more" [ "$(queries_received)" -eq "$before" ]
}

show_kill() {
	local before
	step "kill -9, and the very next query is answered by kube-dns"
	before=$(queries_received)
	show_lab agent kill
	expect "the agent is gone" succeeded
	show_lab exec curl-pod dig +short +time=1 +tries=1 @10.96.0.10 alias.outside.test
	expect "answered" says 203.0.113.80
	show_lab queries
	expect "by kube-dns" [ "$(queries_received)" -gt "$before" ]
}

show_restart() {
	local before
	step "Restarted, it is the cache again"
	show_lab agent start
	expect "the agent started" succeeded
	show_lab exec curl-pod dig +short @10.96.0.10 alias.outside.test
	expect "answered" says 203.0.113.80
	before=$(queries_received)
	show_lab exec curl-pod dig +short @10.96.0.10 alias.outside.test
	expect "answered again" says 203.0.113.80
	show_lab queries
	expect "kube-dns received nothing more" [ "$(queries_received)" -eq "$before" ]
}

show_kernel_state() {
	step "What the kernel holds"
	show bpftool cgroup tree "$LAB_CGROUP"
	expect "the hooks are attached to kubepods" says connect4
	show find "$PINS" -type f
	show bpftool map dump pinned "$PINS/frontends"
	show bpftool map dump pinned "$PINS/counters"
	expect "the counters can be read" succeeded
}

show_uninstall() {
	step "Uninstalled, nothing is left"
	show_lab agent stop
	expect "the agent stopped" succeeded
	show nsenter --net="/run/netns/$LAB-w1" "$LRA" uninstall --config "$CONFIG"
	expect "lra uninstall worked" succeeded
	show bpftool cgroup tree "$LAB_CGROUP"
	expect "no hook is attached" eval "! says connect4"
	show ls "$PINS"
	expect "no pin is left" failed
	show ip -n "$LAB-w1" -brief addr show lo
	expect "lo has no address of the agent's" eval "! says 169.254.20.10"
}
