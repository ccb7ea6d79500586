// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings over netlink.  A request is carried out on a copy first, so that
 * it is done as a whole or not at all, and what is refused is named.
 */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <net/netfilter/nf_log.h>

#include "attach.h"
#include "netlink.h"

/* Attributes of settings have the order of nst_setting_table. */
#define FIRST SIPNAT_A_SETTINGS_PORTS

static_assert(SIPNAT_A_SETTINGS_DOOR_PUBLIC_PORTS - FIRST + 1 == NST_SETTINGS_NR);
static_assert((int)SIPNAT_FILTER_ANY == NST_FILTER_ANY);
static_assert((int)SIPNAT_FILTER_PEER == NST_FILTER_PEER);
static_assert((int)SIPNAT_FILTER_PEER_PORT == NST_FILTER_PEER_PORT);
static_assert((int)SIPNAT_FILTER_OFF == NST_FILTER_OFF);
static_assert((int)SIPNAT_ON_ERROR_PASS == NST_ON_ERROR_PASS);
static_assert((int)SIPNAT_ON_ERROR_RESET == NST_ON_ERROR_RESET);
static_assert((int)SIPNAT_CONTACT_DOOR == NST_CONTACT_DOOR);
static_assert((int)SIPNAT_CONTACT_CONNECTION == NST_CONTACT_CONNECTION);

/* One change at a time, in all namespaces. */
static DEFINE_MUTEX(change_mutex);

/**
 * struct change - a request to change settings
 * @skb: the request
 * @info: what it says
 * @set: all settings as they will be
 * @named: entries of the request for each setting
 * @none: a list is to be empty
 */
struct change {
	struct sk_buff *skb;
	struct genl_info *info;
	struct nst_settings set;
	u16 named[NST_SETTINGS_NR];
	bool none[NST_SETTINGS_NR];
};

static const struct nst_setting *setting_of(const struct nlattr *a)
{
	int i = nla_type(a) - FIRST;

	return i >= 0 && i < NST_SETTINGS_NR ? &nst_setting_table[i] : NULL;
}

static int refuse(struct change *ch, const struct nlattr *a, const char *text)
{
	struct netlink_ext_ack *extack = ch->info->extack;

	if (extack) {
		extack->_msg = text;
		extack->bad_attr = a;
	}
	return -EINVAL;
}

/* --- a request's attributes --- */

static int take_port(struct change *ch, const struct nlattr *a, u32 n, bool *none)
{
	u16 port = nla_get_u16(a);

	*none = !port;
	if (n >= NST_PORTS_MAX)
		return -E2BIG;
	ch->set.ports[n] = port;
	return 0;
}

static int take_range(struct nst_ranges *r, const struct nlattr *a, u32 n, bool *none)
{
	struct nlattr *tb[SIPNAT_A_RANGE_MAX + 1];
	u32 first, last;
	int err;

	err = nla_parse_nested(tb, SIPNAT_A_RANGE_MAX, a, nst_nl_port_range_policy, NULL);
	if (err)
		return err;
	*none = !tb[SIPNAT_A_RANGE_FIRST] && !tb[SIPNAT_A_RANGE_LAST];
	if (*none)
		return 0;
	first = tb[SIPNAT_A_RANGE_FIRST] ? nla_get_u16(tb[SIPNAT_A_RANGE_FIRST]) : 0;
	last = tb[SIPNAT_A_RANGE_LAST] ? nla_get_u16(tb[SIPNAT_A_RANGE_LAST]) : first;
	return nst_range_put(r, n, first, last);
}

static int take_prefix(struct nst_prefix *list, const struct nlattr *a, u32 n, bool *none)
{
	struct nlattr *tb[SIPNAT_A_PREFIX_MAX + 1], *ip, *bits;
	struct nst_addr addr = { 0 };
	int err;

	err = nla_parse_nested(tb, SIPNAT_A_PREFIX_MAX, a, nst_nl_prefix_policy, NULL);
	if (err)
		return err;
	ip = tb[SIPNAT_A_PREFIX_ADDRESS];
	bits = tb[SIPNAT_A_PREFIX_LENGTH];
	*none = !ip && !bits;
	if (*none)
		return 0;
	if (!ip || (nla_len(ip) != 4 && nla_len(ip) != 16))
		return -ERANGE;
	addr.family = nla_len(ip) == 16 ? 6 : 4;
	memcpy(addr.ip, nla_data(ip), nla_len(ip));
	return nst_prefix_put(list, n, &addr, bits ? nla_get_u8(bits) : nla_len(ip) * 8);
}

/* An entry of a list, which is replaced as a whole. */
static int take_entry(struct change *ch, const struct nst_setting *s, const struct nlattr *a)
{
	void *list = nst_setting_at(&ch->set, s);
	int i = s - nst_setting_table;
	bool none = false;
	u32 n = ch->named[i]++;
	int err;

	/* "None" stands alone. */
	if (ch->none[i])
		return -EINVAL;
	if (!n)
		memset(list, 0, s->size);
	if (s->type == NST_SETTING_PORTS)
		err = take_port(ch, a, n, &none);
	else if (s->type == NST_SETTING_RANGES)
		err = take_range(list, a, n, &none);
	else
		err = take_prefix(list, a, n, &none);
	ch->none[i] = none;
	return err ?: none && n ? -EINVAL : 0;
}

/* One for all namespaces, so it takes an administrator of them all. */
static int take_total(struct change *ch, const struct nlattr *a)
{
	u64 bytes = nla_get_u64(a);

	static_assert(NST_MEM_TOTAL_MIN == 1048576 && NST_MEM_TOTAL_MAX == 1099511627776);
	if (bytes < NST_MEM_TOTAL_MIN || bytes > NST_MEM_TOTAL_MAX || bytes > ULONG_MAX)
		return refuse(ch, a, "mem_total must be 1048576 to 1099511627776 bytes");
	if (net_eq(genl_info_net(ch->info), &init_net) &&
	    netlink_capable(ch->skb, CAP_NET_ADMIN))
		return 0;
	refuse(ch, a, "mem_total is set by the administrator of the initial namespace");
	return -EPERM;
}

/*
 * There is one kernel log, which is the host's: whoever is administrator of a
 * namespace of his own only could fill it.  As for the target LOG, the sysctl
 * nf_log_all_netns allows it.
 */
static bool may_log(const struct change *ch)
{
	return net_eq(genl_info_net(ch->info), &init_net) ||
	       READ_ONCE(sysctl_nf_log_all_netns) ||
	       netlink_capable(ch->skb, CAP_NET_ADMIN);
}

static int take(struct change *ch, const struct nlattr *a)
{
	const struct nst_setting *s = setting_of(a);
	int err;

	if (nla_type(a) == SIPNAT_A_SETTINGS_DEBUG && nla_get_u8(a) && !may_log(ch)) {
		refuse(ch, a, "debug fills the host's log: see sysctl nf_log_all_netns");
		return -EPERM;
	}
	if (nla_type(a) == SIPNAT_A_SETTINGS_MEM_TOTAL)
		return take_total(ch, a);
	if (!s)
		return 0;
	switch (s->type) {
	case NST_SETTING_NUMBER:
		err = nst_setting_put(&ch->set, s, nla_get_u32(a));
		break;
	case NST_SETTING_FLAG:
	case NST_SETTING_CHOICE:
		err = nst_setting_put(&ch->set, s, nla_get_u8(a));
		break;
	default:
		err = take_entry(ch, s, a);
		break;
	}
	return err ? refuse(ch, a, s->refusal) : 0;
}

static int take_all(struct change *ch)
{
	const struct nlattr *a;
	const char *conflict;
	int rem, err;

	nlmsg_for_each_attr(a, ch->info->nlhdr, GENL_HDRLEN, rem) {
		err = take(ch, a);
		if (err)
			return err;
	}
	conflict = nst_settings_conflict(&ch->set);
	return conflict ? refuse(ch, NULL, conflict) : 0;
}

/* --- making it so --- */

/* Readers take single words without a lock; lists longer than a word under it. */
static void write_words(u32 *to, const u32 *from, u16 size)
{
	u16 i;

	for (i = 0; i < size / sizeof(*to); i++)
		WRITE_ONCE(to[i], from[i]);
}

static void write_ports(u16 *to, const u16 *from)
{
	u16 i;

	for (i = 0; i < NST_PORTS_MAX; i++)
		WRITE_ONCE(to[i], from[i]);
}

static void write_setting(struct nst_settings *set, const struct nst_settings *from,
			  const struct nst_setting *s)
{
	const void *src = (const char *)from + s->offset;
	void *dst = nst_setting_at(set, s);

	switch (s->type) {
	case NST_SETTING_FLAG:
	case NST_SETTING_CHOICE:
		WRITE_ONCE(*(u8 *)dst, *(const u8 *)src);
		break;
	case NST_SETTING_NUMBER:
	case NST_SETTING_RANGES:
		write_words(dst, src, s->size);
		break;
	case NST_SETTING_PORTS:
		write_ports(dst, src);
		break;
	case NST_SETTING_PREFIXES:
		memcpy(dst, src, s->size);
		break;
	}
}

static void apply(struct nst_net *nn, const struct change *ch)
{
	const struct nlattr *total = ch->info->attrs[SIPNAT_A_SETTINGS_MEM_TOTAL];
	unsigned int i;

	if (total)
		nst_mem_total_set(nn, nla_get_u64(total));
	spin_lock_bh(&nn->calls_lock);
	for (i = 0; i < NST_SETTINGS_NR; i++)
		if (ch->info->attrs[FIRST + i])
			write_setting(&nn->env.set, &ch->set, &nst_setting_table[i]);
	spin_unlock_bh(&nn->calls_lock);
}

static void copy_settings(struct nst_net *nn, struct nst_settings *set)
{
	spin_lock_bh(&nn->calls_lock);
	*set = nn->env.set;
	spin_unlock_bh(&nn->calls_lock);
}

/* Hooks are there as long as there is a port, and before it is. */
static int change_settings(struct nst_net *nn, struct change *ch)
{
	bool ports = ch->info->attrs[SIPNAT_A_SETTINGS_PORTS];
	int err;

	copy_settings(nn, &ch->set);
	err = take_all(ch);
	if (err)
		return err;
	if (ports && ch->set.ports[0]) {
		err = nst_attach_begin(nn);
		if (err) {
			NL_SET_ERR_MSG_MOD(ch->info->extack,
					   "ports: hooks could not be registered");
			return err;
		}
	}
	apply(nn, ch);
	if (ports && !ch->set.ports[0])
		nst_attach_end(nn);
	return 0;
}

int nst_nl_settings_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct change *ch = kzalloc(sizeof(*ch), GFP_KERNEL);
	int err;

	if (!ch)
		return -ENOMEM;
	ch->skb = skb;
	ch->info = info;
	mutex_lock(&change_mutex);
	err = change_settings(nst_pernet(genl_info_net(info)), ch);
	mutex_unlock(&change_mutex);
	kfree(ch);
	return err;
}

/* --- reading them --- */

static int put_ports(struct sk_buff *skb, int attr, const u16 *ports)
{
	unsigned int i = 0;

	do {
		if (nla_put_u16(skb, attr, ports[i]))
			return -EMSGSIZE;
	} while (++i < NST_PORTS_MAX && ports[i]);
	return 0;
}

static int put_ranges(struct sk_buff *skb, int attr, const struct nst_ranges *r)
{
	unsigned int i = 0;

	do {
		struct nlattr *nest = nla_nest_start(skb, attr);

		if (!nest)
			return -EMSGSIZE;
		if (r->range[i] &&
		    (nla_put_u16(skb, SIPNAT_A_RANGE_FIRST, r->range[i] >> 16) ||
		     nla_put_u16(skb, SIPNAT_A_RANGE_LAST, r->range[i] & 0xffff)))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	} while (++i < NST_RANGES_MAX && r->range[i]);
	return 0;
}

static int put_prefixes(struct sk_buff *skb, int attr, const struct nst_prefix *p)
{
	unsigned int i = 0;

	do {
		struct nlattr *nest = nla_nest_start(skb, attr);

		if (!nest)
			return -EMSGSIZE;
		if (p[i].addr.family &&
		    (nst_nl_put_addr(skb, SIPNAT_A_PREFIX_ADDRESS, &p[i].addr) ||
		     nla_put_u8(skb, SIPNAT_A_PREFIX_LENGTH, p[i].len)))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	} while (++i < NST_PREFIXES_MAX && p[i].addr.family);
	return 0;
}

static int put_setting(struct sk_buff *skb, const struct nst_settings *set,
		       const struct nst_setting *s)
{
	const void *p = (const char *)set + s->offset;
	int attr = FIRST + (s - nst_setting_table);

	switch (s->type) {
	case NST_SETTING_NUMBER:
		return nla_put_u32(skb, attr, nst_setting_value(set, s));
	case NST_SETTING_PORTS:
		return put_ports(skb, attr, p);
	case NST_SETTING_RANGES:
		return put_ranges(skb, attr, p);
	case NST_SETTING_PREFIXES:
		return put_prefixes(skb, attr, p);
	}
	return nla_put_u8(skb, attr, nst_setting_value(set, s));
}

static int put_settings(struct sk_buff *skb, struct genl_info *info,
			const struct nst_settings *set)
{
	void *head = genlmsg_put_reply(skb, info, &nst_nl_family, 0, SIPNAT_CMD_SETTINGS_GET);
	unsigned int i;
	int err;

	if (!head)
		return -EMSGSIZE;
	for (i = 0; i < NST_SETTINGS_NR; i++) {
		err = put_setting(skb, set, &nst_setting_table[i]);
		if (err)
			return err;
	}
	err = nst_nl_put_u64(skb, SIPNAT_A_SETTINGS_MEM_TOTAL, nst_mem_total().limit,
			     SIPNAT_A_SETTINGS_PAD);
	if (!err)
		genlmsg_end(skb, head);
	return err;
}

int nst_nl_settings_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nst_settings *set = kmalloc(sizeof(*set), GFP_KERNEL);
	struct sk_buff *msg = NULL;
	int err = -ENOMEM;

	if (set)
		msg = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (msg) {
		copy_settings(nst_pernet(genl_info_net(info)), set);
		err = put_settings(msg, info, set);
	}
	kfree(set);
	if (!err)
		return genlmsg_reply(msg, info);
	nlmsg_free(msg);
	return err;
}
