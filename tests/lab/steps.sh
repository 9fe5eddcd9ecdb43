# shellcheck shell=bash
# The tour's steps, with real commands and their real output. They are the same in the namespaces of `lab` (tour.sh) and in
# the machines of vagrant/ (vagrant/tour), which say how with arrays that hold the beginning of a command:
#   IN_POD     runs the rest in curl-pod           QUERIES    prints what each kube-dns pod has received from clients
#   ASK        runs the lab's probe there          UNINSTALL  takes what an agent left off the node
#   AGENT      takes start, stop or kill           ADDRESSES  prints those of the node's lo
# and with OUTSIDE (a zone that only kube-dns has), WEBPOD (the Service's address), CLUSTER_IP6 (empty: no IPv6),
# PODS_CGROUP and PINS. REPOSITORY is left out of the commands as they are shown.

STEP=0
CLUSTER_NAME=kubernetes.default.svc.cluster.local

step() {
	STEP=$((STEP + 1))
	printf '\n== %d. %s\n' "$STEP" "$*"
}

# Runs a command and shows it, its output and its status.
OUTPUT=
STATUS=0
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
	"${QUERIES[@]}" | awk '{ n += $2 } END { print n }'
}

show_dead_cluster_ip() {
	step "Without the agent the ClusterIP is dead: no kube-proxy, no NAT"
	show "${IN_POD[@]}" dig +time=1 +tries=1 @10.96.0.10 $CLUSTER_NAME
	expect "nobody answers at 10.96.0.10" failed
}

show_redirect() {
	step "With the agent, pods resolve through the ClusterIP"
	show "${AGENT[@]}" start
	expect "the agent started" succeeded
	show "${IN_POD[@]}" dig +short @10.96.0.10 $CLUSTER_NAME
	expect "over UDP and IPv4" says 10.96.0.1
	show "${IN_POD[@]}" dig +short +tcp @10.96.0.10 $CLUSTER_NAME
	expect "over TCP and IPv4" says 10.96.0.1
	[ -z "$CLUSTER_IP6" ] || show_redirect6
	show "${IN_POD[@]}" cat /etc/resolv.conf
	show "${IN_POD[@]}" getent ahostsv4 webpod
	expect "getaddrinfo finds a Service through the search list" says "$WEBPOD"
	show "${IN_POD[@]}" getent ahosts "www.$OUTSIDE"
	expect "getaddrinfo finds a name of the outside" says 203.0.113.80
}

show_redirect6() {
	show "${IN_POD[@]}" dig +short "@$CLUSTER_IP6" $CLUSTER_NAME
	expect "over UDP and IPv6" says 10.96.0.1
	show "${IN_POD[@]}" dig +short +tcp "@$CLUSTER_IP6" $CLUSTER_NAME
	expect "over TCP and IPv6" says 10.96.0.1
}

show_peer() {
	step "The peer that the application sees is the ClusterIP"
	show "${ASK[@]}" -c connected 10.96.0.10
	expect "getpeername and recvfrom say 10.96.0.10:53" says "peer=10.96.0.10:53 from=10.96.0.10:53"
	show "${ASK[@]}" -c unconnected 10.96.0.10
	expect "recvfrom of an unconnected socket does too" says "from=10.96.0.10:53"
	[ -z "$CLUSTER_IP6" ] || show_peer6
	show "${ASK[@]}" -m -t tcp 10.96.0.10
	expect "so it does over TCP from an IPv6 socket" says "peer=[::ffff:10.96.0.10]:53"
}

show_peer6() {
	show "${ASK[@]}" -6 -c unconnected "$CLUSTER_IP6"
	expect "over IPv6 it is [$CLUSTER_IP6]:53" says "from=[$CLUSTER_IP6]:53"
}

show_hit() {
	local before
	step "A second query is a hit and does not reach kube-dns"
	show "${IN_POD[@]}" dig +short @10.96.0.10 "alias.$OUTSIDE"
	expect "answered" says 203.0.113.80
	show "${QUERIES[@]}"
	before=$(queries_received)
	show "${IN_POD[@]}" dig +short @10.96.0.10 "alias.$OUTSIDE"
	expect "answered again" says 203.0.113.80
	show "${QUERIES[@]}"
	expect "kube-dns received nothing more" [ "$(queries_received)" -eq "$before" ]
}

show_kill() {
	local before
	step "kill -9, and the very next query is answered by kube-dns"
	before=$(queries_received)
	show "${AGENT[@]}" kill
	expect "the agent is gone" succeeded
	show "${IN_POD[@]}" dig +short +time=1 +tries=1 @10.96.0.10 "alias.$OUTSIDE"
	expect "answered" says 203.0.113.80
	show "${QUERIES[@]}"
	expect "by kube-dns" [ "$(queries_received)" -gt "$before" ]
}

show_restart() {
	local before
	step "Restarted, it is the cache again"
	show "${AGENT[@]}" start
	expect "the agent started" succeeded
	show "${IN_POD[@]}" dig +short @10.96.0.10 "alias.$OUTSIDE"
	expect "answered" says 203.0.113.80
	before=$(queries_received)
	show "${IN_POD[@]}" dig +short @10.96.0.10 "alias.$OUTSIDE"
	expect "answered again" says 203.0.113.80
	show "${QUERIES[@]}"
	expect "kube-dns received nothing more" [ "$(queries_received)" -eq "$before" ]
}

show_kernel_state() {
	step "What the kernel holds"
	show bpftool cgroup tree "$PODS_CGROUP"
	expect "the hooks are attached to the pods' cgroup" says lra_connect4
	show find "$PINS" -type f
	show bpftool link show pinned "$PINS/lra_connect4"
	expect "a link holds lra_connect4 there" eval 'says cgroup_inet4_connect || says "attach_type connect4"' # the bpftool of 5.10 has short names
	show bpftool prog show id "$(sed -n 's/.*prog \([0-9]*\).*/\1/p' <<<"$OUTPUT")"
	expect "and its program is loaded" says "name lra_connect4"
	show bpftool map dump pinned "$PINS/frontends"
	expect "the frontends can be read" succeeded
}

show_counters() {
	local before
	step "The kernel counts what it decides"
	show bpftool map dump pinned "$PINS/counters"
	expect "the counters can be read" succeeded
	before=$(sent_to_agent)
	show "${IN_POD[@]}" dig +short @10.96.0.10 "www.$OUTSIDE"
	expect "a query more" says 203.0.113.80
	echo "    sent to the agent: $before before, $(sent_to_agent) after"
	expect "it is counted" [ "$(sent_to_agent)" -gt "$before" ]
}

# Over all frontends and CPUs.
sent_to_agent() {
	bpftool map dump pinned "$PINS/counters" | awk -F '[:,]' '/"agent":/ { n += $2 } END { print n + 0 }'
}

show_uninstall() {
	step "Uninstalled, nothing is left"
	show "${AGENT[@]}" stop
	expect "the agent stopped" succeeded
	show "${UNINSTALL[@]}"
	expect "lra uninstall worked" succeeded
	show bpftool cgroup tree "$PODS_CGROUP"
	expect "no hook is attached" eval "! says lra_connect4"
	show ls "$PINS"
	expect "no pin is left" failed
	show "${ADDRESSES[@]}"
	expect "lo has no address of the agent's" eval "! says 169.254.20.10"
}
