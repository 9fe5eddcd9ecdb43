# shellcheck shell=bash
# Addresses and routes of the three machines, as lines for `ip -batch`: for the namespaces of `lab` (network.sh) and for the
# machines of vagrant/. Every line may be run again.

# Prints the IPv4 and the IPv6 prefix of the node's pods.
pod_prefixes() {
	case $1 in
	ctr) echo "10.244.0. fd00:10:244::" ;;
	w1) echo "10.244.1. fd00:10:244:1::" ;;
	esac
}

# loop1 and loop2 of the router, which stand for networks outside the cluster.
loop_addresses() {
	cat <<-END
		addr replace 10.10.1.200/24 dev loop1
		link set loop1 up
		addr replace 10.10.2.200/24 dev loop2
		link set loop2 up
	END
}

# static_routes MACHINE: pods are behind their node, the outside is behind the router.
static_routes() {
	case $1 in
	router) pods_behind_ctr && pods_behind_w1 ;;
	ctr) pods_behind_w1 && outside_behind_router ;;
	w1) pods_behind_ctr && outside_behind_router ;;
	esac
}

# The same for IPv6, which the lab alone has.
static_routes6() {
	if [ "$1" != ctr ]; then echo "route replace fd00:10:244::/64 via fd00:56::10"; fi
	if [ "$1" != w1 ]; then echo "route replace fd00:10:244:1::/64 via fd00:56::11"; fi
}

pods_behind_ctr() {
	echo "route replace 10.244.0.0/24 via 192.168.56.10"
}

pods_behind_w1() {
	echo "route replace 10.244.1.0/24 via 192.168.56.11"
}

outside_behind_router() {
	echo "route replace 10.10.0.0/16 via 192.168.56.1"
}
