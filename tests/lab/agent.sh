# shellcheck shell=bash
# The agent on w1: its configuration and its life.

CONFIG=$RUN/lra.yaml

write_agent_config() {
	cat >"$CONFIG" <<-END
		clusterDomain: cluster.local
		node: w1
		listen:
		  addresses: [169.254.20.10, "fd00:10:53::10"]
		  port: 53
		admin: { socket: $RUN/admin.sock }
		metrics: { address: 127.0.0.1, port: 9253 }
		health: { address: 127.0.0.1, port: 9254 }
		redirect:
		  enabled: $(can_redirect && echo true || echo false)
		  cgroup: $LAB_CGROUP/kubepods
		  pinPath: $PINS
		  frontends:
		    - { address: 10.96.0.10, port: 53, protocols: [UDP, TCP], fallback: ["10.244.0.2:53", "10.244.0.3:53"] }
		    - { address: "fd00:10:96::a", port: 53, protocols: [UDP, TCP], fallback: ["[fd00:10:244::2]:53", "[fd00:10:244::3]:53"] }
		routes:
		  - { zone: cluster.local, servers: ["10.244.0.2:53", "10.244.0.3:53"], protocol: tcp }
		  - { zone: ".", servers: ["10.244.0.2:53", "10.244.0.3:53"], protocol: udp }
		cache: { memory: 32MiB, minTtl: 5, maxTtl: 3600, maxNegativeTtl: 1800, serveStale: 1h }
		kubernetes: { enabled: false }
	END
}

agent() {
	case $1 in
	start) start_agent ;;
	stop) signal_agent TERM && await_agent_end && forget_newest ;;
	kill) signal_agent KILL && await_agent_end && forget_newest ;;
	pause) signal_agent STOP ;;
	resume) signal_agent CONT ;;
	join) join_agent ;;
	retire) retire_agent ;;
	*) die "usage: lab agent start|stop|kill|pause|resume|join|retire" ;;
	esac
}

# A second agent beside the one that runs, as a rolling upgrade with a surge has it. From then on it is the one that the other commands mean.
join_agent() {
	agent_runs || die "no agent runs that another could join"
	[ ! -e "$RUN/elder.pid" ] || die "two agents run already"
	mv "$RUN/agent.pid" "$RUN/elder.pid"
	launch_agent
	wait_until 10 agent_ended_or_leads || die_with_log "the second agent does not take over within 10 s"
	agent_runs || { forget_newest && die_with_log "the second agent ended"; }
}

agent_ended_or_leads() {
	! agent_runs || lra_on_w1 status 2>/dev/null | grep -q "process $(<"$RUN/agent.pid"),"
}

# Ends the older of two agents.
retire_agent() {
	[ -e "$RUN/elder.pid" ] || die "no second agent has joined"
	kill -TERM "$(<"$RUN/elder.pid")"
	wait_until 10 process_ended "$RUN/elder.pid" || die_with_log "the older agent does not end within 10 s"
	rm "$RUN/elder.pid"
}

forget_newest() {
	[ ! -e "$RUN/elder.pid" ] || mv "$RUN/elder.pid" "$RUN/agent.pid"
}

start_agent() {
	[ -x "$LRA" ] || die "$LRA is missing: run 'make build'"
	! agent_runs || die "the agent runs already"
	launch_agent
	wait_until 30 agent_ended_or_serves || die_with_log "the agent does not serve the pods within 30 s"
	agent_runs || die_with_log "the agent ended"
}

launch_agent() {
	(
		join_cgroup "$AGENT_CGROUP"
		exec nsenter --net="/run/netns/$LAB-w1" \
			setsid "$LRA" run --config "$CONFIG" </dev/null >>"$RUN/agent.log" 2>&1
	) &
	echo $! >"$RUN/agent.pid"
	disown
	wait_until 1 agent_runs || die_with_log "the agent ended at once"
}

agent_ended_or_serves() {
	! agent_runs || { ask_from w1 169.254.20.10 && { ! can_redirect || agent_serves_cluster_ip; }; }
}

# While kube-dns receives what a pod asks again, the kernel uses the fallback.
agent_serves_cluster_ip() {
	local before
	ask_from curl-pod 10.96.0.10 || return 1
	before=$(queries)
	ask_from curl-pod 10.96.0.10 && [ "$(queries)" = "$before" ]
}

# ask_from PLACE SERVER
ask_from() {
	(exec_in "$1" dig "@$2" +time=1 +tries=1 dns-version.cluster.local TXT) >/dev/null
}

die_with_log() {
	tail -n 20 "$RUN/agent.log" >&2
	die "$*"
}

# The process of that pid is the agent only while it is in w1's namespace: an ended agent's pid may be another's by now.
agent_runs() {
	[ -e "$RUN/agent.pid" ] && [ "/proc/$(<"$RUN/agent.pid")/ns/net" -ef "/run/netns/$LAB-w1" ]
}

agent_state() {
	if agent_runs; then
		echo "runs, pid $(<"$RUN/agent.pid")"
	else
		echo "does not run"
	fi
}

signal_agent() {
	agent_runs || die "the agent does not run"
	kill "-$1" "$(<"$RUN/agent.pid")"
}

await_agent_end() {
	wait_until 10 process_ended "$RUN/agent.pid" || die_with_log "the agent does not end within 10 s"
}

# A killed process has ended when its last thread has: its first leaves the namespace some milliseconds before its sockets close.
process_ended() {
	local name
	name=/proc/$(<"$1")/comm
	! { [ -e "$name" ] && [ "$(cat "$name" 2>/dev/null)" = "$(basename "$LRA")" ]; }
}

uninstall_agent() {
	! agent_runs || signal_agent KILL
	[ ! -e "$RUN/elder.pid" ] || kill -KILL "$(<"$RUN/elder.pid")" 2>/dev/null || true
	[ -e "$PINS" ] || return 0
	[ ! -x "$LRA" ] || [ ! -e "$CONFIG" ] || lra_on_w1 uninstall >/dev/null ||
		echo "lab: 'lra uninstall' failed, removing $PINS by hand" >&2
	rm -rf "$PINS"
}

# lra_on_w1 COMMAND...: the agent's own command line, with the lab's configuration.
lra_on_w1() {
	nsenter --net="/run/netns/$LAB-w1" "$LRA" "$@" --config "$CONFIG"
}
