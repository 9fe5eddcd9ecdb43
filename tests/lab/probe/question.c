// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <stdio.h>
#include <string.h>

static size_t compose_question(uint64_t number, unsigned char *out)
{
	char name[256];
	const char *label = name, *dot;
	unsigned char *at = out;
	uint16_t type = options.types[number % options.type_count];
	const char *counter = strstr(options.name, "%d");

	if (counter)
		snprintf(name, sizeof(name), "%.*s%llu%s", (int)(counter - options.name),
			 options.name, (unsigned long long)(number / options.type_count),
			 counter + 2);
	else
		snprintf(name, sizeof(name), "%s", options.name);

	for (; *label; label = *dot ? dot + 1 : dot) {
		dot = strchrnul(label, '.');
		if (dot == label || dot - label > 63)
			die("'%s' is no domain name", name);
		*at++ = dot - label;
		at = mempcpy(at, label, dot - label);
	}
	*at++ = 0;
	*at++ = type >> 8;
	*at++ = type;
	*at++ = 0;
	*at++ = 1;
	return at - out;
}

size_t compose_query(uint64_t number, unsigned char *out)
{
	static const unsigned char header[HEADER_SIZE] = {[2] = 1 /* RD */, [5] = 1 /* QDCOUNT */};

	memcpy(out, header, HEADER_SIZE);
	out[0] = number >> 8;
	out[1] = number;
	return HEADER_SIZE + compose_question(number, out + HEADER_SIZE);
}

bool answers_query(uint64_t number, const unsigned char *reply, size_t length)
{
	unsigned char question[MAX_QUERY];
	size_t question_length = compose_question(number, question);

	return length >= HEADER_SIZE + question_length &&
	       !memcmp(reply + HEADER_SIZE, question, question_length);
}
