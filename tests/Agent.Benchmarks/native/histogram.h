// SPDX-License-Identifier: Apache-2.0
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

/* Latencies in ns, in 64 steps per power of two: a quantile is right to 1.6 %. */
enum {
	STEP_BITS = 6,
	STEPS = 1 << STEP_BITS,
	POWERS = 34, /* up to 2^39 ns, 9 minutes */
};

struct histogram {
	uint64_t total;
	uint64_t max;
	uint64_t counts[POWERS * STEPS];
};

void histogram_add(struct histogram *h, uint64_t ns);

/* The latency that a share (0..1) of all does not exceed; 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *h, double share);

#endif
