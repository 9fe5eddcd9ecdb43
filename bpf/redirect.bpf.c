// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Socket-level redirect: a socket that points at a frontend is given another address at connect or
 * sendmsg, and the application is shown the frontend at recvmsg and getpeername. No packet is
 * touched.
 *
 * Every hook proceeds whatever happens: it never makes a call fail that would have succeeded.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "choose.h"
#include "layout.h"
#include "maps.h"
#include "observe.h"

#define AF_INET 2
#define AF_INET6 10
#define PROCEED 1

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void set_v4(struct endpoint *endpoint, __be32 address)
{
	__u32 *words = (__u32 *)endpoint->address;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* Narrow and wide accesses to the context differ by kernel, so fields are read one 32-bit word at a
 * time. */
static __always_inline struct endpoint load4(const struct bpf_sock_addr *ctx)
{
	struct endpoint endpoint = {.port = ctx->user_port, .protocol = ctx->protocol};

	set_v4(&endpoint, ctx->user_ip4);
	return endpoint;
}

static __always_inline struct endpoint load6(const struct bpf_sock_addr *ctx)
{
	struct endpoint endpoint = {.port = ctx->user_port, .protocol = ctx->protocol};
	__u32 *words = (__u32 *)endpoint.address;

	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	return endpoint;
}

static __always_inline void store4(struct bpf_sock_addr *ctx, const struct endpoint *endpoint)
{
	ctx->user_ip4 = ((const __u32 *)endpoint->address)[3];
	ctx->user_port = endpoint->port;
}

static __always_inline void store6(struct bpf_sock_addr *ctx, const struct endpoint *endpoint)
{
	const __u32 *words = (const __u32 *)endpoint->address;

	ctx->user_ip6[0] = words[0];
	ctx->user_ip6[1] = words[1];
	ctx->user_ip6[2] = words[2];
	ctx->user_ip6[3] = words[3];
	ctx->user_port = endpoint->port;
}

static __always_inline bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3] && x[4] == y[4];
}

/* Remembers what the application asked for. A socket that sends many queries finds its entry there
 * and writes nothing. An unconnected socket has no peer that sock_release could start from: a
 * second entry leads there.
 */
static __always_inline void remember(__u64 cookie, const struct endpoint *backend,
				     const struct endpoint *frontend, bool connected)
{
	struct reverse_key key = {.cookie = cookie, .backend = *backend};
	struct endpoint *known = bpf_map_lookup_elem(&reverse, &key);

	if (known && same_endpoint(known, frontend))
		return;
	bpf_map_update_elem(&reverse, &key, frontend, BPF_ANY);
	if (connected)
		return;
	key.backend = (struct endpoint){.protocol = backend->protocol};
	bpf_map_update_elem(&reverse, &key, backend, BPF_ANY);
}

/* The one forward function. True: *to holds the address to use instead. */
static __always_inline bool redirect(struct bpf_sock_addr *ctx, const struct endpoint *from,
				     struct endpoint *to, bool connected)
{
	struct frontend *frontend = bpf_map_lookup_elem(&frontends, from);
	enum outcome outcome;

	if (!frontend)
		return false;
	*to = *from;
	outcome = choose(ctx, from, frontend, to);
	count_outcome(from, outcome);
	emit_event(ctx, from, to, outcome);
	if (outcome == OUTCOME_UNTOUCHED || outcome == OUTCOME_EXCLUDED)
		return false;
	remember(bpf_get_socket_cookie(ctx), to, from, connected);
	return true;
}

/* The one reverse function. True: *to holds the frontend that the application knows. */
static __always_inline bool restore(struct bpf_sock_addr *ctx, const struct endpoint *from,
				    struct endpoint *to)
{
	struct reverse_key key = {.cookie = bpf_get_socket_cookie(ctx), .backend = *from};
	struct endpoint *frontend = bpf_map_lookup_elem(&reverse, &key);

	if (!frontend)
		return false;
	*to = *frontend;
	return true;
}

static __always_inline void redirect4(struct bpf_sock_addr *ctx, bool connected)
{
	struct endpoint from = load4(ctx), to;

	if (redirect(ctx, &from, &to, connected))
		store4(ctx, &to);
}

static __always_inline void redirect6(struct bpf_sock_addr *ctx, bool connected)
{
	struct endpoint from = load6(ctx), to;

	if (redirect(ctx, &from, &to, connected))
		store6(ctx, &to);
}

static __always_inline void restore4(struct bpf_sock_addr *ctx)
{
	struct endpoint from = load4(ctx), to;

	if (restore(ctx, &from, &to))
		store4(ctx, &to);
}

static __always_inline void restore6(struct bpf_sock_addr *ctx)
{
	struct endpoint from = load6(ctx), to;

	if (restore(ctx, &from, &to))
		store6(ctx, &to);
}

SEC("cgroup/connect4")
int lra_connect4(struct bpf_sock_addr *ctx)
{
	redirect4(ctx, true);
	return PROCEED;
}

SEC("cgroup/connect6")
int lra_connect6(struct bpf_sock_addr *ctx)
{
	redirect6(ctx, true);
	return PROCEED;
}

SEC("cgroup/sendmsg4")
int lra_sendmsg4(struct bpf_sock_addr *ctx)
{
	redirect4(ctx, false);
	return PROCEED;
}

SEC("cgroup/sendmsg6")
int lra_sendmsg6(struct bpf_sock_addr *ctx)
{
	redirect6(ctx, false);
	return PROCEED;
}

SEC("cgroup/recvmsg4")
int lra_recvmsg4(struct bpf_sock_addr *ctx)
{
	restore4(ctx);
	return PROCEED;
}

SEC("cgroup/recvmsg6")
int lra_recvmsg6(struct bpf_sock_addr *ctx)
{
	restore6(ctx);
	return PROCEED;
}

SEC("cgroup/getpeername4")
int lra_getpeername4(struct bpf_sock_addr *ctx)
{
	restore4(ctx);
	return PROCEED;
}

SEC("cgroup/getpeername6")
int lra_getpeername6(struct bpf_sock_addr *ctx)
{
	restore6(ctx);
	return PROCEED;
}

SEC("cgroup/sock_release")
int lra_release(struct bpf_sock *sk)
{
	struct reverse_key key = {.cookie = bpf_get_socket_cookie(sk)};
	__u32 *words = (__u32 *)key.backend.address;
	struct endpoint *last;

	key.backend.protocol = sk->protocol;
	last = bpf_map_lookup_elem(&reverse, &key);
	if (last) {
		struct reverse_key unconnected = {.cookie = key.cookie, .backend = *last};

		bpf_map_delete_elem(&reverse, &unconnected);
		bpf_map_delete_elem(&reverse, &key);
	}

	if (sk->family == AF_INET) {
		set_v4(&key.backend, sk->dst_ip4);
	} else {
		words[0] = sk->dst_ip6[0];
		words[1] = sk->dst_ip6[1];
		words[2] = sk->dst_ip6[2];
		words[3] = sk->dst_ip6[3];
	}
	key.backend.port = sk->dst_port;
	bpf_map_delete_elem(&reverse, &key);
	return PROCEED;
}
