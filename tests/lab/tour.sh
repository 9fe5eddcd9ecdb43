# shellcheck shell=bash
# The main job, shown step by step in this lab.
# shellcheck disable=SC2034 # steps.sh uses them

IN_POD=("$HERE/lab" exec curl-pod)
ASK=("$HERE/lab" probe curl-pod)
QUERIES=("$HERE/lab" queries)
AGENT=("$HERE/lab" agent)
OUTSIDE=outside.test
WEBPOD=10.244.1.3
CLUSTER_IP6=fd00:10:96::a
PODS_CGROUP=$LAB_CGROUP
UNINSTALL=(nsenter --net="/run/netns/$LAB-w1" "$LRA" uninstall --config "$CONFIG")
ADDRESSES=(ip -n "$LAB-w1" -brief addr show lo)

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

tour_of_the_redirect() {
	show_dead_cluster_ip
	show_redirect
	show_peer
	show_hit
	show_kill
	show_restart
	show_kernel_state
	show_counters
	show_uninstall
}

tour_of_the_cache() {
	echo "This machine cannot redirect, so this tour shows only the cache:"
	sed 's/^/    /' <<<"$1"
	step "The agent serves without redirecting"
	show "${AGENT[@]}" start
	expect "the agent started" succeeded
	show "${IN_POD[@]}" dig +short @169.254.20.10 $CLUSTER_NAME
	expect "a pod that asks the agent by its own address is answered" says 10.96.0.1
}
