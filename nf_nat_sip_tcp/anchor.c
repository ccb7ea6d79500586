// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel ties an expectation to a master connection, at most 255 to one,
 * and drops them when it goes.  A call must outlive the connection that
 * signalled it, and one connection may carry thousands of calls.  So each
 * call has a conntrack entry of its own, that no packet ever matches, for the
 * only purpose of being that master.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/netfilter.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/netfilter/nf_conntrack_labels.h>
#include <net/netfilter/nf_conntrack_tuple.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "anchor.h"
#include "compat.h"
#include "helper.h"

/* Of ten entries of the table, anchors are made up to this fill. */
#define ANCHOR_FILL 8

/*
 * nf_conntrack_alloc() of a full table drops others, whose destroy() would
 * come back to us while our locks are held; and doors must never starve the
 * connections they are for.
 */
static bool table_has_room(const struct net *net)
{
	u64 count = nf_conntrack_count(net);
	u64 max = READ_ONCE(nf_conntrack_max);

	return !max || (count + num_online_cpus()) * 10 < max * ANCHOR_FILL;
}

/*
 * The id is in the addresses: conntrack -D says "deleted" and deletes nothing
 * where it is in the fields of the ports, which this protocol has none of.
 */
static bool anchor_tuples(struct nf_conntrack_tuple *orig,
			  struct nf_conntrack_tuple *reply, u8 l3num, u32 id)
{
	memset(orig, 0, sizeof(*orig));
	orig->src.l3num = l3num;
	orig->dst.protonum = NST_ANCHOR_PROTO;
	orig->dst.dir = IP_CT_DIR_ORIGINAL;
	if (l3num == NFPROTO_IPV4)
		orig->src.u3.ip = htonl(id);
	else
		orig->src.u3.ip6[3] = htonl(id);
	return nf_ct_invert_tuple(reply, orig);
}

static int anchor_set_helper(struct nf_conn *ct, u8 l3num)
{
	struct nf_conntrack_helper *helper;
	struct nf_conn_help *help;

	help = nf_ct_helper_ext_add(ct, GFP_ATOMIC);
	if (!help)
		return -ENOMEM;
	helper = nst_helper_get(l3num);
	if (!helper || !nst_helper_hold(helper))
		return -ESHUTDOWN;
	rcu_assign_pointer(help->helper, helper);
	return 0;
}

void nst_labels_copy(struct nf_conn *to, const struct nf_conn *from)
{
	const struct nf_conn_labels *src = nf_ct_labels_find(from);
	struct nf_conn_labels *dst = nf_ct_labels_find(to);

	if (src && dst)
		bitmap_copy(dst->bits, src->bits, sizeof(dst->bits) * BITS_PER_BYTE);
}

void nst_anchor_bequeath(struct nf_conn *ct, const struct nf_conn *like)
{
#ifdef CONFIG_NF_CONNTRACK_MARK
	ct->mark = READ_ONCE(like->mark);
#endif
#ifdef CONFIG_NF_CONNTRACK_SECMARK
	ct->secmark = READ_ONCE(like->secmark);
#endif
	if (nf_ct_labels_find(like))
		nf_ct_labels_ext_add(ct);
	nst_labels_copy(ct, like);
}

/*
 * ASSURED keeps it when early_drop() looks for victims, SEEN_REPLY follows
 * from that; FIXED_TIMEOUT because a stranger's frame of this protocol with
 * this tuple would otherwise set the short timeout of an unknown protocol.
 */
static int anchor_insert(struct nf_conn *ct)
{
	ct->status |= IPS_CONFIRMED | IPS_ASSURED | IPS_SEEN_REPLY |
		      IPS_FIXED_TIMEOUT;
	WRITE_ONCE(ct->timeout, nfct_time_stamp + (u32)NST_ANCHOR_LIFE * HZ);
	return nf_conntrack_hash_check_insert(ct);
}

struct nf_conn *nst_anchor_create(struct net *net,
				  const struct nst_anchor_seed *seed, u32 id)
{
	struct nf_conntrack_tuple orig, reply;
	struct nf_conntrack_zone zone;
	struct nf_conn *ct;
	int err;

	if (!anchor_tuples(&orig, &reply, seed->l3num, id))
		return ERR_PTR(-EINVAL);
	if (!table_has_room(net))
		return ERR_PTR(-ENFILE);
	nf_ct_zone_init(&zone, seed->zone, NF_CT_DEFAULT_ZONE_DIR, 0);
	ct = nf_conntrack_alloc(net, &zone, &orig, &reply, GFP_ATOMIC);
	if (IS_ERR(ct))
		return ct;

	err = anchor_set_helper(ct, seed->l3num);
	if (!err) {
		nst_anchor_bequeath(ct, seed->like);
		err = anchor_insert(ct);
	}
	if (err) {
		nf_conntrack_free(ct);
		return ERR_PTR(err);
	}
	return ct;
}

/* In the helper's data: it is we who delete it. */
static bool *anchor_leaves(const struct nf_conn *ct)
{
	return (bool *)nfct_help(ct)->data;
}

bool nst_anchor_lost(const struct nf_conn *ct)
{
	return nf_ct_protonum(ct) == NST_ANCHOR_PROTO && nfct_help(ct) &&
	       !READ_ONCE(*anchor_leaves(ct));
}

void nst_anchor_delete(struct nf_conn *ct)
{
	struct nf_conn_help *help = nfct_help(ct);
	struct nf_conntrack_helper *helper;

	if (help)
		WRITE_ONCE(*anchor_leaves(ct), true);
	nf_ct_delete(ct, 0, 0);
	if (!help)
		return;
	helper = unrcu_pointer(xchg(&help->helper, NULL));
	if (helper)
		nst_helper_release(helper);
}

bool nst_anchor_is(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);

	return nf_ct_protonum(ct) == NST_ANCHOR_PROTO && help &&
	       rcu_access_pointer(help->helper) &&
	       rcu_access_pointer(help->helper) == nst_helper_get(nf_ct_l3num(ct));
}
