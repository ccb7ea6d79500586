// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole messages through message_process(), one after the other over one
 * connection, sent by turns: edits are in order and fit, the result frames
 * again, a second pass changes nothing more, and in the end no memory and no
 * port is left over.  The last bytes choose addresses and who begins.
 */
#include "fuzz.h"
#include "world.h"

static const struct {
	const char *client[2];
	const char *server[2];
} maps[] = {
	{ { "192.168.122.3:40000", "203.0.113.1:61000" },
	  { "203.0.113.20:5060", "203.0.113.20:5060" } },
	{ { "10.0.0.5:5060", "203.0.113.1:5060" },
	  { "198.51.100.9:5060", "198.51.100.9:5060" } },
	{ { "192.0.2.77:41000", "192.0.2.77:41000" },
	  { "10.0.0.2:8000", "203.0.113.1:5060" } },
	{ { "10.0.30.2:27901", "64.100.0.10:4401" },
	  { "10.0.10.2:5060", "64.100.0.10:7003" } },
	{ { "[fd00::5]:40000", "[2001:db8::1]:61000" },
	  { "[2001:db8:9::9]:5060", "[2001:db8:9::9]:5060" } },
	{ { "10.0.0.5:40000", "10.0.0.5:61000" },
	  { "198.51.100.9:5060", "198.51.100.9:5060" } },
};

static struct world *fuzz_world(u8 choice)
{
	struct world *w = world_new();
	u8 i = choice % ARRAY_SIZE(maps);

	world_map(w, 0, maps[i].client[0], maps[i].client[1]);
	world_map(w, 1, maps[i].server[0], maps[i].server[1]);
	w->env.set.media_filter = choice % 3;
	w->env.set.signalling_filter = choice & 0x20 ? NST_FILTER_ANY : NST_FILTER_PEER;
	w->shift = choice & 0x10 ? 1000 : 0;
	return w;
}

/* What came out passes another time as it is. */
static void second_pass(const struct world *w, u8 choice, u8 dir)
{
	struct world *again = fuzz_world(choice);
	struct sip_frame f = { .scanned = 0 };
	char *buf = fuzz_copy((const u8 *)w->out, w->out_len);

	check(sip_frame_scan(&f, buf, w->out_len, 65535) == 1);
	check(f.hdr_len + f.body_len == w->out_len);
	again->map = w->map;
	check(!world_process(again, dir, buf, f.hdr_len, f.body_len, w->out_len));
	world_free(again);
	free(buf);
}

/* Return: bytes of the first message, 0 where there is none. */
static u32 one_message(struct world *w, const u8 *data, u32 size, u8 choice, u8 dir)
{
	struct sip_frame f = { .scanned = 0 };
	char *buf;
	u32 len;

	if (sip_frame_scan(&f, (const char *)data, size, 16384) != 1 ||
	    f.body_len > size - f.hdr_len)
		return 0;
	len = f.hdr_len + f.body_len;
	buf = fuzz_copy(data, len);
	if (!message_wants_body(&w->env, buf, f.hdr_len, f.body_len, &w->room))
		world_process(w, dir, buf, f.hdr_len, f.body_len, f.hdr_len);
	if (world_process(w, dir, buf, f.hdr_len, f.body_len, len))
		second_pass(w, choice, dir);
	free(buf);
	return len;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 choice = size ? data[size - 1] - '\n' : 0;
	u8 dir = size > 1 ? (data[size - 2] - '\r') & 1 : 0;
	struct world *w = fuzz_world(choice);
	u32 pos = 0, len;

	while (pos < size) {
		len = one_message(w, data + pos, (u32)size - pos, choice, dir);
		if (!len)
			break;
		pos += len;
		dir = !dir;
	}
	world_free(w);
	return 0;
}
