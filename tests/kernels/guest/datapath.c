// SPDX-License-Identifier: Apache-2.0
/* The real object: loaded, attached and pinned as the agent does it. */
#include "guest.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OBJECT "/redirect.bpf.o"

static const char *pin_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), PINS "/%s", name);
	return path;
}

static struct bpf_object *open_object(void)
{
	struct bpf_object *object = bpf_object__open_file(OBJECT, NULL);

	if (!object)
		die("open %s: %m", OBJECT);
	return object;
}

/* The constants that the loader sets: what costs a capability is asked for. */
static void set_constants(struct bpf_object *object)
{
	char values[64];
	struct bpf_map *map;

	memset(values, true, sizeof(values));
	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__is_internal(map) &&
		    bpf_map__set_initial_value(map, values, bpf_map__value_size(map)))
			die("constants: %m");
	}
}

/* Maps that are pinned are used again, others are pinned; but for constants. */
static struct bpf_object *load_object(void)
{
	struct bpf_object *object = open_object();
	struct bpf_map *map;

	set_constants(object);
	bpf_object__for_each_map(map, object)
	{
		if (!bpf_map__is_internal(map) &&
		    bpf_map__set_pin_path(map, pin_path(bpf_map__name(map))))
			die("pin path: %m");
	}
	if (bpf_object__load(object)) {
		explain("%s; the console has the verifier's words", strerror(errno));
		return NULL;
	}
	return object;
}

static void attach_all(struct bpf_object *object)
{
	int cgroup = open(KUBEPODS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		struct bpf_link *link = bpf_program__attach_cgroup(program, cgroup);
		const char *name = bpf_program__name(program);
		bool is_pinned = link && !bpf_link__pin(link, pin_path(name));

		explain("%s", strerror(errno));
		report(is_pinned, "%s is attached, its link pinned", name);
	}
	close(cgroup);
}

/* What `lra check` asks the kernel for; the rest it learns by loading the object too. */
static void check_probes(void)
{
	report(libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SOCKMAP, NULL) == 1 &&
		   libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1 &&
		   libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
					   BPF_FUNC_get_current_ancestor_cgroup_id, NULL) == 1,
	       "the features that `lra check` probes for");
}

static void keep_capabilities(__u64 kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {.effective = kept, .permitted = kept},
	    {.effective = kept >> 32, .permitted = kept >> 32},
	};

	if (syscall(SYS_capset, &header, data))
		die("capset: %m");
}

/* Before 5.11 BPF memory counts against RLIMIT_MEMLOCK, which takes CAP_SYS_RESOURCE to raise; here
 * it is raised beforehand, as a container runtime's unit does it. */
static void check_capabilities(void)
{
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	int status = 1;
	pid_t loader = fork();

	if (loader == 0) {
		setrlimit(RLIMIT_MEMLOCK, &unlimited);
		keep_capabilities(1ull << CAP_BPF | 1ull << CAP_NET_ADMIN | 1ull << CAP_PERFMON);
		_exit(bpf_object__load(open_object()) ? 1 : 0);
	}
	waitpid(loader, &status, 0);
	explain("refused; the console has the verifier's words");
	report(status == 0, "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are enough to load it");
}

/* In a process that ends, as a killed agent does: all that is checked lives in the pins alone. */
bool load_and_pin(void)
{
	struct bpf_object *object;
	int status = 0;
	pid_t loader;

	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	check_probes();
	check_capabilities();
	mkdir(PINS, 0700);
	loader = fork();
	if (loader == 0) {
		object = load_object();
		report(object != NULL, "the object is loaded");
		if (object)
			attach_all(object);
		_exit(object ? 0 : 1);
	}
	waitpid(loader, &status, 0);
	return status == 0;
}

static __u32 program_of(const char *link_name)
{
	struct bpf_link_info info = {0};
	__u32 length = sizeof(info);
	int link = bpf_obj_get(pin_path(link_name));

	if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &length))
		die("link %s: %m", link_name);
	close(link);
	return info.prog_id;
}

/* True when every link has another program now. */
bool replace_programs(void)
{
	struct bpf_object *object = load_object();
	struct bpf_program *program;
	bool all_replaced = true;

	if (!object)
		return false;
	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);
		struct bpf_link *link = bpf_link__open(pin_path(name));
		__u32 before = program_of(name);

		if (!link || bpf_link__update_program(link, program) ||
		    program_of(name) == before) {
			explain("%s: %s", name, strerror(errno));
			all_replaced = false;
		}
		if (link)
			bpf_link__destroy(link);
	}
	bpf_object__close(object);
	return all_replaced;
}

void unpin(void)
{
	DIR *pins = opendir(PINS);
	struct dirent *entry;

	while ((entry = readdir(pins))) {
		if (entry->d_name[0] != '.' && unlink(pin_path(entry->d_name)))
			die("unlink %s: %m", entry->d_name);
	}
	closedir(pins);
}

int open_map(const char *name)
{
	int map = bpf_obj_get(pin_path(name));

	if (map < 0)
		die("map %s: %m", name);
	return map;
}

void put(const char *name, const void *key, const void *value)
{
	int map = open_map(name);

	if (bpf_map_update_elem(map, key, value, BPF_ANY))
		die("write to %s: %m", name);
	close(map);
}

void take_away(const char *name, const void *key)
{
	int map = open_map(name);

	if (bpf_map_delete_elem(map, key))
		die("delete from %s: %m", name);
	close(map);
}

int count_entries(const char *name, size_t key_size)
{
	int map = open_map(name), count = 0;
	char key[64], next[64];
	void *previous = NULL;

	while (!bpf_map_get_next_key(map, previous, next)) {
		memcpy(key, next, key_size);
		previous = key;
		count++;
	}
	close(map);
	return count;
}
