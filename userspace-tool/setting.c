// SPDX-License-Identifier: GPL-2.0-only
/*
 * The settings.  What is allowed the kernel knows, and says.
 */
#include <string.h>

#include <linux/nf_nat_sip_tcp.h>

#include "array.h"
#include "attr.h"
#include "complain.h"
#include "nearest.h"
#include "setting.h"

#define WORDS(list) .words = (list), .nr_words = ARRAY_SIZE(list)

#define SETTING(id, name_, type, unit_, ...)			\
	{ .attr = SIPNAT_A_SETTINGS_##id, .name = name_,		\
		.value = &value_##type, .unit = unit_, __VA_ARGS__ }

static const char *const filters[] = {
	[SIPNAT_FILTER_ANY] = "any",
	[SIPNAT_FILTER_PEER] = "peer",
	[SIPNAT_FILTER_PEER_PORT] = "peer-port",
	[SIPNAT_FILTER_OFF] = "off",
};

/* Where a phone connects from says nothing beforehand: no peer-port. */
static const char *const signalling_filters[] = {
	[SIPNAT_FILTER_ANY] = "any",
	[SIPNAT_FILTER_PEER] = "peer",
	[SIPNAT_FILTER_OFF] = "off",
};

static const char *const on_error[] = {
	[SIPNAT_ON_ERROR_PASS] = "pass",
	[SIPNAT_ON_ERROR_RESET] = "reset",
};

static const char *const contact[] = {
	[SIPNAT_CONTACT_DOOR] = "door",
	[SIPNAT_CONTACT_CONNECTION] = "connection",
};

const struct setting settings[] = {
	SETTING(PORTS, "ports", ports, "-", .empty = "none",
		.what = "ports of SIP over TCP that are followed without a rule"),
	SETTING(DEBUG, "debug", bool, "-",
		.what = "print the trace to the kernel log"),
	SETTING(ACK_DELAY, "ack_delay", u32, "ms",
		.what = "wait before bytes held back are acknowledged"),
	SETTING(HOLD_TIMEOUT, "hold_timeout", u32, "ms",
		.what = "longest wait for the rest of a message"),
	SETTING(UNLOAD_TIMEOUT, "unload_timeout", u32, "ms",
		.what = "longest wait for connections when the module leaves"),
	SETTING(ON_ERROR, "on_error", word, "-", WORDS(on_error),
		.what = "what becomes of a connection that cannot be followed on"),
	SETTING(HEADER_MAX, "header_max", u32, "bytes",
		.what = "longest header block that is gathered"),
	SETTING(BODY_MAX, "body_max", u32, "bytes",
		.what = "longest body that is gathered to be rewritten"),
	SETTING(HOLD_MAX, "hold_max", u32, "bytes",
		.what = "most that is held, stored and retained per direction"),
	SETTING(MEM_MAX, "mem_max", u32, "bytes",
		.what = "most memory of this network namespace"),
	SETTING(MEM_TOTAL, "mem_total", u64, "bytes",
		.what = "most memory of all namespaces; set in the initial one"),
	SETTING(HOST_SHARE, "host_share", u32, "percent",
		.what = "share of an inside host once half of it is in use"),
	SETTING(CALLS_MAX, "calls_max", u32, "-",
		.what = "most calls at once"),
	SETTING(BINDINGS_MAX, "bindings_max", u32, "-",
		.what = "most registrations at once"),
	SETTING(DOORS_PER_CALL, "doors_per_call", u32, "-",
		.what = "most doors of one call"),
	SETTING(CALL_TIMEOUT, "call_timeout", u32, "s",
		.what = "life of an answered call without signalling"),
	SETTING(RINGING_TIMEOUT, "ringing_timeout", u32, "s",
		.what = "life of a call that is not answered"),
	SETTING(MEDIA_IDLE, "media_idle", u32, "s",
		.what = "life of a call without media and without connection"),
	SETTING(BINDING_MAX, "binding_max", u32, "s",
		.what = "longest life of a registration"),
	SETTING(MEDIA_FILTER, "media_filter", word, "-", WORDS(filters),
		.what = "who may send to a media door"),
	SETTING(MEDIA_HOSTS, "media_hosts", prefixes, "-", .empty = "none",
		.what = "other inside hosts whose media is translated"),
	SETTING(SIGNALLING_FILTER, "signalling_filter", word, "-",
		WORDS(signalling_filters), .what = "who may connect to a signalling door"),
	SETTING(SIGNAL_PORTS, "signal_ports", ranges, "-", .empty = "none",
		.what = "inside ports to which signalling doors may lead"),
	SETTING(CONTACT, "contact", word, "-", WORDS(contact),
		.what = "what a Contact with a port of its own becomes"),
	SETTING(DOOR_DENY, "door_deny", ranges, "-", .empty = "none",
		.what = "inside ports to which no media door may lead"),
	SETTING(DOOR_PUBLIC_PORTS, "door_public_ports", ranges, "-",
		.empty = "any", .what = "public ports that doors may take"),
	{ 0 },
};

static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(*a == '-' && *b == '_'))
			return false;
	return *a == *b;
}

const struct setting *setting_find(const char *name)
{
	const struct setting *s;

	for (s = settings; s->name; s++)
		if (same_name(name, s->name))
			return s;
	return NULL;
}

static const char *setting_name(const void *list, size_t i)
{
	return ((const struct setting *)list)[i].name;
}

int setting_unknown(const char *command, const char *name)
{
	complain(EXIT_USAGE, "%s: there is no setting \"%s\"", command, name);
	advise_nearest(name, setting_name, settings);
	advise("\"sipnat set --help\" lists them");
	return EXIT_USAGE;
}

static void print_values(FILE *out, const struct setting *s, const void *attrs, size_t len)
{
	const struct nlattr *a = attr_first(attrs, len, s->attr);
	bool some = false;

	for (; a; a = s->value->list ? attr_same(attrs, len, a) : NULL) {
		if (s->value->list && s->value->none(a))
			continue;
		if (some)
			fputc(',', out);
		s->value->text(out, a, s);
		some = true;
	}
	if (!some)
		fputs(s->value->list ? s->empty : "-", out);
}

char *setting_text(const struct setting *s, const void *attrs, size_t len)
{
	char *text = NULL;
	size_t size;
	FILE *out;

	out = need(open_memstream(&text, &size));
	print_values(out, s, attrs, len);
	fclose(out);
	return need(text);
}
