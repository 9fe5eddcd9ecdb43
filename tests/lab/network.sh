# shellcheck shell=bash
# Nodes and pods as network namespaces. Nothing leads out: no default route at the router, no NAT, no link into the root namespace.

make_networks() {
	make_router
	make_node ctr 10
	make_node w1 11
	add_routes router
	add_routes ctr
	add_routes w1
	make_pod ctr kube-dns-1 2
	make_pod ctr kube-dns-2 3
	make_pod w1 curl-pod 2
	make_pod w1 webpod 3
}

# Forwards between pods and nodes, and takes no second for duplicate address detection.
# shellcheck disable=SC2016
NETWORK_SETTINGS='
cd /proc/sys/net
for interface in all default; do
	echo 0 >"ipv6/conf/$interface/accept_dad"
	echo 0 >"ipv4/conf/$interface/rp_filter"
done
echo 1 >ipv4/ip_forward
echo 1 >ipv6/conf/all/forwarding'

make_namespace() {
	[ -e "/run/netns/$LAB-$1" ] || ip netns add "$LAB-$1"
	nsenter --net="/run/netns/$LAB-$1" sh -euc "$NETWORK_SETTINGS"
	in_namespace "$1" <<<"link set lo up"
}

# Runs the `ip` commands of standard input.
in_namespace() {
	ip -n "$LAB-$1" -batch -
}

# loop1 and loop2 are bridges without ports, since not every kernel has dummy interfaces.
make_router() {
	make_namespace router
	in_namespace router <<-END
		link add name nodes type bridge
		addr add 192.168.56.1/24 dev nodes
		addr add fd00:56::1/64 dev nodes nodad
		link set nodes up
		link add name loop1 type bridge
		link add name loop2 type bridge
	END
	loop_addresses | in_namespace router
}

# make_node NODE HOST: a machine at 192.168.56.HOST with an empty pod bridge.
make_node() {
	local node=$1 host=$2 pods4 pods6
	read -r pods4 pods6 <<<"$(pod_prefixes "$node")"
	make_namespace "$node"
	in_namespace router <<-END
		link add name $node type veth peer name eth0 netns $LAB-$node
		link set $node master nodes up
	END
	in_namespace "$node" <<-END
		addr add 192.168.56.$host/24 dev eth0
		addr add fd00:56::$host/64 dev eth0 nodad
		link set eth0 up
		link add name cni0 type bridge
		addr add ${pods4}1/24 dev cni0
		addr add ${pods6}1/64 dev cni0 nodad
		link set cni0 up
	END
}

add_routes() {
	{ static_routes "$1" && static_routes6 "$1"; } | in_namespace "$1"
}

# make_pod NODE POD HOST
make_pod() {
	local node=$1 pod=$2 host=$3 gateway4 gateway6
	read -r gateway4 gateway6 <<<"$(pod_prefixes "$node")"
	make_namespace "$pod"
	in_namespace "$node" <<-END
		link add name $pod type veth peer name eth0 netns $LAB-$pod
		link set $pod master cni0 up
	END
	in_namespace "$pod" <<-END
		addr add $gateway4$host/24 dev eth0
		addr add $gateway6$host/64 dev eth0 nodad
		link set eth0 up
		route add default via ${gateway4}1
		route add default via ${gateway6}1
	END
}

is_pod() {
	[[ " ${PODS[*]} " = *" $1 "* ]]
}

addresses_of() {
	ip -n "$LAB-$1" -o addr show scope global | awk '{ print $4 }' | paste -sd ' '
}

# What the kubelet writes into a pod, and name service without caches or multicast between getaddrinfo and DNS.
make_pod_files() {
	cat >"$RUN/resolv.conf" <<-END
		search default.svc.cluster.local svc.cluster.local cluster.local
		nameserver 10.96.0.10
		options ndots:5
	END
	echo "hosts: files dns" >"$RUN/nsswitch.conf"
}

# The first argument ($0) is the lab's /run directory. A running nscd would answer from outside the pod.
# shellcheck disable=SC2016,SC2034
ENTER_POD='
mount --bind "$0/resolv.conf" /etc/resolv.conf
mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf
[ ! -d /run/nscd ] || mount -t tmpfs none /run/nscd
exec "$@"'

remove_networks() {
	local place
	for place in "${PODS[@]}" "${NODES[@]}"; do
		[ ! -e "/run/netns/$LAB-$place" ] || ip netns del "$LAB-$place"
	done
}
