// SPDX-License-Identifier: Apache-2.0
#include "load.h"

#include <string.h>

enum {
	HEADER = 12,
	DIGITS_AT = HEADER + 2, /* after the label's length and its first letter */
	DIGITS = 8,
};

/* n########.www.example.org, A, IN; RD and AD as dig sets them. */
static const uint8_t template[] = {
    0, 0,   0x01, 0x20, 0, 1,	0,   0,	  0,   0,   0,	 0,   9, 'n', 0,   0,	0, 0, 0, 0, 0, 0,
    3, 'w', 'w',  'w',	7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 0, 1, 0, 1,
};

/* As dig sends it: payload 1232, version 0, no flags, a client COOKIE of 8 bytes (RFC 7873). */
static const uint8_t edns_record[] = {
    0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8,
};

_Static_assert(sizeof(template) + sizeof(edns_record) <= QUERY_MAX, "a query fits its buffer");

static void name_digits(uint8_t *digits, uint32_t name)
{
	for (int i = DIGITS - 1; i >= 0; i--, name >>= 4)
		digits[i] = "0123456789abcdef"[name & 15];
}

size_t question_compose(uint8_t *message, uint16_t id, uint32_t name, bool edns)
{
	size_t length = sizeof(template);

	memcpy(message, template, sizeof(template));
	message[0] = id >> 8;
	message[1] = id;
	name_digits(message + DIGITS_AT, name);
	if (edns) {
		message[11] = 1; /* ARCOUNT */
		memcpy(message + length, edns_record, sizeof(edns_record));
		length += sizeof(edns_record);
	}
	return length;
}

bool question_answered(const uint8_t *message, size_t length, uint32_t name)
{
	uint8_t expected[sizeof(template) - HEADER];

	if (length <= sizeof(template))
		return false;
	if ((message[2] & 0x82) != 0x80 || message[3] & 0x0f)
		return false; /* no response, truncated, or an RCODE other than NOERROR */
	if (message[4] || message[5] != 1 || !(message[6] | message[7]))
		return false; /* QDCOUNT is not 1, or ANCOUNT is 0 */

	memcpy(expected, template + HEADER, sizeof(expected));
	name_digits(expected + DIGITS_AT - HEADER, name);
	return !memcmp(message + HEADER, expected, sizeof(expected));
}
