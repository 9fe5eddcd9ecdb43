# shellcheck shell=bash
# The kube-dns pods: knotd with the cluster's zone and one zone that stands for the outside.

KUBE_DNS=(kube-dns-1 kube-dns-2)

start_kube_dns() {
	local pod
	write_cluster_zone >"$RUN/cluster.local.zone"
	write_outside_zone >"$RUN/outside.test.zone"
	for pod in "${KUBE_DNS[@]}"; do
		mkdir "$RUN/$pod"
		write_knot_config "$pod" >"$RUN/$pod/knot.conf"
		(
			join_cgroup "$(cgroup_of "$pod")"
			exec nsenter --net="/run/netns/$LAB-$pod" \
				setsid knotd -c "$RUN/$pod/knot.conf" </dev/null >"$RUN/$pod/log" 2>&1
		) &
		disown
	done
	for pod in "${KUBE_DNS[@]}"; do
		wait_until 10 serves_both_zones "$pod" || die "$pod does not answer: $(cat "$RUN/$pod/log")"
	done
}

# wait_until SECONDS CMD...
wait_until() {
	local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
		sleep 0.02
	done
}

serves_both_zones() {
	[ "$(knot "$1" zone-status +serial 2>/dev/null | grep -c 'serial: [0-9]')" -eq 2 ]
}

# knot POD ARG...: ask that pod's server through its control socket, which sends no query.
knot() {
	knotc -s "$RUN/$1/knot.sock" "${@:2}"
}

# The clients' queries: without the agent's own, which probe a server (NS) and look for loops (HINFO).
queries() {
	local pod
	for pod in "${KUBE_DNS[@]}"; do
		printf '%s %s\n' "$pod" "$(knot "$pod" stats | awk -F' = ' '
			/server-operation\[query\]/ { n += $2 }
			/query-type\[(NS|HINFO)\]/ { n -= $2 }
			END { print n + 0 }')"
	done
}

# Many TCP workers with a socket each: knotd lets only ten connections wait at one.
# tcp-idle-timeout: the agent's pipelined connection must not be closed between two steps of a test.
write_knot_config() {
	local run=$RUN/$1
	cat <<-END
		server:
		  rundir: "$run"
		  listen: [ "0.0.0.0@53", "::@53" ]
		  udp-workers: 1
		  tcp-workers: 32
		  tcp-reuseport: on
		  background-workers: 1
		  tcp-idle-timeout: 60
		log:
		  - target: stdout
		    any: warning
		database:
		  storage: "$run"
		mod-stats:
		  - id: all
		    server-operation: on
		    query-type: on
		template:
		  - id: default
		    storage: "$RUN"
		    global-module: mod-stats/all
		    zonefile-sync: -1
		    journal-content: none
		zone:
		  - domain: cluster.local
		    file: "cluster.local.zone"
		  - domain: outside.test
		    file: "outside.test.zone"
	END
}

write_cluster_zone() {
	cat <<-'END'
		$ORIGIN cluster.local.
		$TTL 30
		@                     SOA   ns.dns hostmaster 1 7200 1800 86400 30
		@                     NS    ns.dns
		ns.dns                A     10.96.0.10
		ns.dns                AAAA  fd00:10:96::a
		dns-version           TXT   "1.1.0"
		kube-dns.kube-system.svc             A     10.96.0.10
		kube-dns.kube-system.svc             AAAA  fd00:10:96::a
		_dns._udp.kube-dns.kube-system.svc   SRV   0 100 53 kube-dns.kube-system.svc
		_dns-tcp._tcp.kube-dns.kube-system.svc SRV 0 100 53 kube-dns.kube-system.svc
		kubernetes.default.svc               A     10.96.0.1
		_https._tcp.kubernetes.default.svc   SRV   0 100 443 kubernetes.default.svc
		webpod.default.svc                   A     10.244.1.3
		webpod.default.svc                   AAAA  fd00:10:244:1::3
		headless.default.svc                 A     10.244.1.2
		headless.default.svc                 A     10.244.1.3
		headless.default.svc                 AAAA  fd00:10:244:1::2
		headless.default.svc                 AAAA  fd00:10:244:1::3
		pod-0.headless.default.svc           A     10.244.1.2
		pod-0.headless.default.svc           AAAA  fd00:10:244:1::2
		pod-1.headless.default.svc           A     10.244.1.3
		pod-1.headless.default.svc           AAAA  fd00:10:244:1::3
		external.default.svc                 CNAME www.outside.test.
	END
}

# `big` is larger than 1232 bytes, so it is truncated over UDP; n0 to n10999 give tests as many names as they want.
write_outside_zone() {
	cat <<-'END'
		$ORIGIN outside.test.
		$TTL 300
		@        SOA    ns hostmaster 1 7200 1800 86400 60
		@        NS     ns
		ns       A      10.244.0.2
		www      A      203.0.113.80
		www      AAAA   2001:db8::80
		alias    CNAME  www
	END
	awk 'BEGIN {
		text = sprintf("%200s", ""); gsub(/ /, "x", text)
		for (i = 0; i < 8; i++)
			printf "big TXT \"%d-%s\"\n", i, text
		for (i = 0; i < 11000; i++)
			printf "n%d A 198.18.%d.%d\nn%d AAAA 2001:db8:1::%x\n", i, i / 256, i % 256, i, i
	}'
}
