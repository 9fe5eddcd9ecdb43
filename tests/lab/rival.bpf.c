// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0)
/*
 * Stands for another socket-level load balancer on the node, such as Cilium's: it translates the
 * kube-dns ClusterIP to a backend of its own, here one that nobody can reach.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define CLUSTER_IP bpf_htonl(0x0a60000a) /* 10.96.0.10 */
#define BLACKHOLE bpf_htonl(0xc6336401)	 /* 198.51.100.1, TEST-NET-2 */
#define SYS_PROCEED 1

static __always_inline int translate(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip4 == CLUSTER_IP)
		ctx->user_ip4 = BLACKHOLE;
	return SYS_PROCEED;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return translate(ctx);
}

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return translate(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
