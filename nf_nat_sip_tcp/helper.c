// SPDX-License-Identifier: GPL-2.0-only
/*
 * The conntrack helper "sip_tcp".  A packet's walk begins in help(), which
 * conntrack calls as the last thing before the packet leaves, after NAT.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <net/dst_metadata.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_core.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/sch_generic.h>

#include "anchor.h"
#include "compat.h"
#include "connection.h"
#include "helper.h"
#include "icmp.h"
#include "tracepoints.h"

#define HELPER_NAME "sip_tcp"

enum { HELPER_IP4, HELPER_IP6, NR_HELPERS };

static const u16 l3nums[NR_HELPERS] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/* What is registered, and what connections point to; newer kernels copy. */
static struct nf_conntrack_helper templates[NR_HELPERS] __read_mostly;
static struct nf_conntrack_helper *helpers[NR_HELPERS] __read_mostly;

/* The module leaves: nobody is followed any more who is not already. */
static bool leaving __read_mostly;

/*
 * 0 means no limit where the kernel allows that, else its highest; doors of
 * calls that need more have an anchor each.  The time is of no importance:
 * doors are permanent, their owners close them.
 */
static const struct nf_conntrack_expect_policy policy = {
	.max_expected	= 0,
	.timeout	= 180,
	.name		= "media",
};

struct nf_conntrack_helper *nst_helper_get(u8 l3num)
{
	return READ_ONCE(helpers[l3num == NFPROTO_IPV6 ? HELPER_IP6 : HELPER_IP4]);
}

struct nst_private *nst_private(const struct nf_conn *ct)
{
	struct nf_conn_help *help = nfct_help(ct);

	static_assert(sizeof(struct nst_private) <= sizeof_field(struct nf_conn_help, data));
	return help ? (struct nst_private *)help->data : NULL;
}

/*
 * act_ct runs helpers as soon as a packet of a known connection has come in,
 * before NAT and without a route, or with what a tunnel notes in its place.  It
 * comes again, as all that is routed.
 */
static bool is_early(const struct sk_buff *skb, const struct nf_conn *ct)
{
	return !skb_valid_dst(skb) && skb_at_tc_ingress(skb) && nf_ct_is_confirmed(ct);
}

/* Of one that is none of ours most packets are seen: a look has to cost little. */
static bool is_plain(const struct nst_private *priv)
{
	const struct nst_connection *c = nst_link_connection(READ_ONCE(priv->link));

	return c && READ_ONCE(c->plain) && !trace_sip_segment_enabled();
}

static int help_tcp(struct nst_packet *p, struct nst_private *priv, struct nst_net *nn)
{
	struct nst_connection *conn;
	unsigned long link;

	if (!nst_packet_read(p)) {
		if (!nst_icmp_is_error(p->skb))
			nst_count(&nn->env, NST_R_SEG_BAD);
		return NF_ACCEPT;
	}
	link = READ_ONCE(priv->link);
	if (link & NST_LINK_RESET)
		return NF_DROP;
	conn = nst_link_connection(link);
	if (!conn && !(link & NST_LINK_DEAD) && !READ_ONCE(leaving))
		conn = nst_handshake(p, priv);
	if (IS_ERR(conn))
		return NF_DROP;
	return conn ? nst_connection_segment(conn, p) : NF_ACCEPT;
}

/* Apart, so that help() keeps nothing for it. */
static noinline int help_packet(struct sk_buff *skb, unsigned int protoff,
				struct nf_conn *ct, enum ip_conntrack_info ctinfo)
{
	struct nst_net *nn = nst_pernet(nf_ct_net(ct));

	if (is_early(skb, ct))
		return NF_ACCEPT;
	if (READ_ONCE(nn->dying))
		return NF_DROP;
	return help_tcp(&(struct nst_packet) {
		.skb = skb, .ct = ct, .ctinfo = ctinfo, .protoff = protoff,
	}, nst_private(ct), nn);
}

static int help(struct sk_buff *skb, unsigned int protoff, struct nf_conn *ct,
		enum ip_conntrack_info ctinfo)
{
	const struct nst_private *priv = nst_private(ct);

	/* Media flows inherit the helper on some kernels. */
	if (!priv || nf_ct_protonum(ct) != IPPROTO_TCP || is_plain(priv))
		return NF_ACCEPT;
	return help_packet(skb, protoff, ct, ctinfo);
}

static void destroy(struct nf_conn *ct)
{
	if (nf_ct_protonum(ct) == IPPROTO_TCP)
		nst_connection_destroy(ct);
	else if (nst_anchor_lost(ct))
		WRITE_ONCE(nst_pernet(nf_ct_net(ct))->doors_lost, true);
}

static int register_one(unsigned int i)
{
	struct nf_conntrack_helper *copy = NULL;
	int err;

	nst_helper_setup(&templates[i], l3nums[i], HELPER_NAME, &policy, help);
	templates[i].destroy = destroy;
	err = nst_helper_register(&templates[i], &copy);
	if (!err)
		WRITE_ONCE(helpers[i], copy);
	return err;
}

static bool is_ours(const struct nf_conntrack_helper *helper)
{
	return helper && (helper == helpers[HELPER_IP4] || helper == helpers[HELPER_IP6]);
}

/*
 * Unregistering does not take a copied helper off its connections, and
 * conntrack would call destroy() in a module that has gone.
 */
static int take_off(struct nf_conn *ct, void *data)
{
	struct nf_conn_help *ext = nfct_help(ct);
	struct nf_conntrack_helper *helper;

	helper = ext ? rcu_dereference_raw(ext->helper) : NULL;
	if (!is_ours(helper))
		return 0;
	destroy(ct);
	if (cmpxchg((struct nf_conntrack_helper **)&ext->helper, helper, NULL) == helper)
		nst_helper_release(helper);
	return 0;
}

static void unregister(unsigned int n)
{
	unsigned int i;

	nf_ct_iterate_destroy(take_off, NULL);
	/* Those that take_off() cannot see hold nothing of ours. */
	for (i = 0; i < n; i++)
		WRITE_ONCE(helpers[i]->destroy, NULL);
	while (n--) {
		struct nf_conntrack_helper *helper = helpers[n];

		WRITE_ONCE(helpers[n], NULL);
		nf_conntrack_helper_unregister(helper);
	}
}

int nst_helper_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < NR_HELPERS; i++) {
		err = register_one(i);
		if (err) {
			unregister(i);
			return err;
		}
	}
	return 0;
}

void nst_helper_exit(void)
{
	WRITE_ONCE(leaving, true);
	synchronize_rcu();
	nst_connections_leave();
	unregister(NR_HELPERS);
}
