// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options options = {
    .family = '4',
    .connected = true,
    .name = "kubernetes.default.svc.cluster.local",
    .types = {1},
    .type_count = 1,
    .names = 1,
    .window = 64,
    .timeout = SECOND,
    .port = 53,
};

static const char usage[] =
    "usage: probe [OPTION...] SERVER\n"
    "  -4 | -6 | -m    AF_INET (default), AF_INET6, or IPv4 through an AF_INET6 socket\n"
    "  -t udp|tcp      transport (default udp)\n"
    "  -c connected|unconnected\n"
    "                  connect() and send(), or sendto() (default connected)\n"
    "  -f              a new socket for each query, as getaddrinfo does\n"
    "  -q NAME         %d in it stands for 0, 1, 2...\n"
    "  -T TYPE[,TYPE]  each name is asked for each type (default A)\n"
    "  -n COUNT        how many names (default 1)\n"
    "  -W WINDOW       at most so many queries in flight (default 64)\n"
    "  -i MS           wait between queries\n"
    "  -w MS           a query without an answer for so long is lost (default 1000)\n"
    "  -r QPS -s SECONDS\n"
    "                  a steady rate; prints 'sending', then when each lost query was sent\n"
    "  -k              keep the socket and ask again for each line of standard input\n"
    "  -p PORT         (default 53)\n"
    "exit status: 0 all answered (NOERROR, NXDOMAIN) and from the right source, 1 not, 2 usage\n";

static unsigned int parse_number(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || end == text || number > 1000000000)
		die("'%s' is no number", text);
	return number;
}

static uint16_t parse_type(const char *text)
{
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = {{"A", 1},	  {"NS", 2},   {"CNAME", 5}, {"SOA", 6},
		     {"PTR", 12}, {"TXT", 16}, {"AAAA", 28}, {"SRV", 33}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(text, types[i].name))
			return types[i].type;
	return parse_number(text);
}

static void parse_types(char *list)
{
	char *type;

	options.type_count = 0;
	for (type = strtok(list, ","); type; type = strtok(NULL, ",")) {
		if (options.type_count == MAX_TYPES)
			die("more than %d types", MAX_TYPES);
		options.types[options.type_count++] = parse_type(type);
	}
	if (!options.type_count)
		die("no type");
}

static void parse_server(const char *text)
{
	struct sockaddr_in6 *six = (void *)&options.server;
	struct sockaddr_in *four = (void *)&options.server;
	char mapped[64];

	if (options.family == '4') {
		four->sin_family = AF_INET;
		four->sin_port = htons(options.port);
		options.server_length = sizeof(*four);
		if (inet_pton(AF_INET, text, &four->sin_addr) != 1)
			die("'%s' is no IPv4 address", text);
		return;
	}
	snprintf(mapped, sizeof(mapped), "%s%s", options.family == 'm' ? "::ffff:" : "", text);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(options.port);
	options.server_length = sizeof(*six);
	if (inet_pton(AF_INET6, mapped, &six->sin6_addr) != 1)
		die("'%s' is no address for this kind of socket", text);
}

static bool choose(const char *text, const char *yes, const char *no)
{
	if (strcmp(text, yes) && strcmp(text, no))
		die("'%s' is neither %s nor %s", text, yes, no);
	return !strcmp(text, yes);
}

static void parse_option(int option)
{
	switch (option) {
	case '4':
	case '6':
	case 'm':
		options.family = option;
		break;
	case 't':
		options.tcp = choose(optarg, "tcp", "udp");
		break;
	case 'c':
		options.connected = choose(optarg, "connected", "unconnected");
		break;
	case 'f':
		options.fresh = true;
		break;
	case 'k':
		options.ask_per_line = true;
		break;
	case 'q':
		options.name = optarg;
		break;
	case 'T':
		parse_types(optarg);
		break;
	case 'n':
		options.names = parse_number(optarg);
		break;
	case 'W':
		options.window = parse_number(optarg);
		break;
	case 'i':
		options.gap = parse_number(optarg) * MILLISECOND;
		break;
	case 'w':
		options.timeout = parse_number(optarg) * MILLISECOND;
		break;
	case 'r':
		options.rate = parse_number(optarg);
		break;
	case 's':
		options.seconds = parse_number(optarg);
		break;
	case 'p':
		options.port = parse_number(optarg);
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

void parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "46mt:c:fkq:T:n:W:i:w:r:s:p:h")) != -1)
		parse_option(option);
	if (optind != argc - 1) {
		fputs(usage, stderr);
		exit(2);
	}
	if (options.tcp)
		options.connected = true;
	if (options.rate) {
		options.gap = SECOND / options.rate;
		options.window = 32768;
	}
	parse_server(argv[optind]);
}
