// SPDX-License-Identifier: GPL-2.0-only
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN
#endif

#if defined(HAS_ASAN) || defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

static char *make_region(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map;

	map = mmap(NULL, GUARD_MAX + page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + GUARD_MAX, page, PROT_NONE)) {
		perror("guard");
		abort();
	}
	return map;
}

char *guard_put(const void *data, size_t len)
{
	static char *region;
	char *p;

	if (!region)
		region = make_region();
	if (len > GUARD_MAX) {
		fprintf(stderr, "guard: %zu bytes are too many\n", len);
		abort();
	}
	p = region + GUARD_MAX - len;
	ASAN_UNPOISON_MEMORY_REGION(region, GUARD_MAX);
	if (len)
		memcpy(p, data, len);
	ASAN_POISON_MEMORY_REGION(region, GUARD_MAX - len);
	return p;
}
