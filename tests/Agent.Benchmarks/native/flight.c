// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

unsigned flights_due(const struct run *run, uint64_t now)
{
	const struct options *o = &run->options;
	uint64_t left = o->count - run->sent;
	uint64_t due;

	if (o->rate)
		due = (now - run->started) * o->rate / SECOND + 1 - run->sent;
	else
		due = o->outstanding - run->in_flight;
	if (due > left)
		due = left;
	return due > BATCH ? BATCH : due;
}

static uint32_t next_name(struct run *run)
{
	const struct options *o = &run->options;

	if (!o->names)
		return o->first + run->sent;
	/* xorshift64: every server is asked the same names in the same order. */
	run->random ^= run->random << 13;
	run->random ^= run->random >> 7;
	run->random ^= run->random << 17;
	return o->first + run->random % o->names;
}

size_t flight_start(struct run *run, uint64_t now, unsigned connection, uint8_t *message)
{
	const struct options *o = &run->options;
	uint32_t name = next_name(run);
	uint64_t started = o->rate ? run->started + run->sent * SECOND / o->rate : now;
	struct flight *flight;

	run->sent++;
	if (run->in_flight == SLOTS) {
		run->lost++;
		return 0;
	}
	do
		flight = &run->flights[run->next++ % SLOTS];
	while (flight->busy);

	*flight = (struct flight){started, run->next - 1, name, connection, true};
	run->in_flight++;
	return question_compose(message, run->next - 1, name, o->edns);
}

const struct flight *flight_land(struct run *run, uint64_t now, const uint8_t *message,
				 size_t length)
{
	struct flight *flight;

	if (length < 2) {
		run->wrong++;
		return NULL;
	}
	flight = &run->flights[message[0] << 8 | message[1]];
	if (!flight->busy) {
		run->wrong++;
		return NULL;
	}

	flight->busy = false;
	run->in_flight--;
	if (question_answered(message, length, flight->name))
		run->answered++;
	else
		run->wrong++;
	histogram_add(&run->latency, now - flight->started);
	return flight;
}

void flights_expire(struct run *run, uint64_t now)
{
	for (; run->oldest < run->next; run->oldest++) {
		struct flight *flight = &run->flights[run->oldest % SLOTS];

		if (!flight->busy || flight->number != run->oldest)
			continue;
		if (now < flight->started + REPLY_TIMEOUT)
			return;
		flight->busy = false;
		run->in_flight--;
		run->lost++;
	}
}

void flights_abandon(struct run *run, unsigned connection)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct flight *flight = &run->flights[i];

		if (!flight->busy || flight->connection != connection)
			continue;
		flight->busy = false;
		run->in_flight--;
		run->lost++;
	}
}

void flights_pause(const struct run *run)
{
	const struct options *o = &run->options;

	if (o->rate)
		return;
	if (run->in_flight > o->outstanding / 2 || run->sent == o->count)
		usleep(PAUSE_US);
}

bool flights_done(const struct run *run)
{
	return run->sent == run->options.count && !run->in_flight;
}
