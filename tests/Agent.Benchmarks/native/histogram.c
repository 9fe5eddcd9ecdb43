// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"

/* Values below STEPS have a bucket each; above, the leading STEP_BITS + 1 bits choose it. */
static unsigned bucket_of(uint64_t ns)
{
	unsigned power;
	unsigned bucket;

	if (ns < STEPS)
		return ns;
	power = 63 - __builtin_clzll(ns) - STEP_BITS;
	bucket = (power + 1) * STEPS + ((ns >> power) & (STEPS - 1));
	return bucket < POWERS * STEPS ? bucket : POWERS * STEPS - 1;
}

static uint64_t middle_of(unsigned bucket)
{
	unsigned power;

	if (bucket < STEPS)
		return bucket;
	power = bucket / STEPS - 1;
	return ((uint64_t)(STEPS + bucket % STEPS) << power) + ((1ull << power) >> 1);
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	h->counts[bucket_of(ns)]++;
	h->total++;
	if (ns > h->max)
		h->max = ns;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
	uint64_t rank = share * h->total;
	uint64_t seen = 0;

	for (unsigned i = 0; i < POWERS * STEPS; i++) {
		seen += h->counts[i];
		if (seen > rank)
			return middle_of(i);
	}
	return h->max;
}
