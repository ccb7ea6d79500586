// SPDX-License-Identifier: GPL-2.0-only
/*
 * The setting ports: the helper without a rule, for NATed connections.  After
 * source NAT (behind.c) both tuples and IPS_NAT_MASK are known, and before the
 * confirm hook extensions can still be added.
 */
#include <linux/module.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_seqadj.h>

#include "attach.h"
#include "compat.h"
#include "helper.h"
#include "netns.h"

#define DEFAULT_PORT 5060

static unsigned short ports[NST_PORTS_MAX] = { DEFAULT_PORT };
static unsigned int nr_ports;
module_param_array(ports, ushort, &nr_ports, 0444);
MODULE_PARM_DESC(ports, "TCP ports of SIP servers and clients whose NATed connections are followed in the initial network namespace; 0: none (default: 5060)");

/* The port may be translated, so both sides of the NAT count. */
static bool ports_match(const struct nf_conn *ct)
{
	const struct nst_settings *set = &nst_pernet(nf_ct_net(ct))->env.set;
	unsigned int i;

	for (i = 0; i < IP_CT_DIR_MAX; i++) {
		const struct nf_conntrack_tuple *t = &ct->tuplehash[i].tuple;

		if (nst_settings_has_port(set, ntohs(t->src.u.tcp.port)) ||
		    nst_settings_has_port(set, ntohs(t->dst.u.tcp.port)))
			return true;
	}
	return false;
}

static bool wanted(const struct nf_conn *ct)
{
	return !nf_ct_is_confirmed(ct) && !nf_ct_is_template(ct) &&
	       nf_ct_protonum(ct) == IPPROTO_TCP && (ct->status & IPS_NAT_MASK) &&
	       !nfct_help(ct) && !test_bit(IPS_HELPER_BIT, &ct->status) &&
	       ports_match(ct);
}

/* What the nft expression does for a rule. */
void nst_attach(struct nf_conn *ct)
{
	struct nf_conntrack_helper *helper;
	struct nf_conn_help *ext;

	if (!READ_ONCE(nst_pernet(nf_ct_net(ct))->attached) || !wanted(ct))
		return;
	helper = nst_helper_get(nf_ct_l3num(ct));
	if (!helper)
		return;
	ext = nf_ct_helper_ext_add(ct, GFP_ATOMIC);
	if (ext && nst_helper_hold(helper))
		rcu_assign_pointer(ext->helper, helper);
	/* Without it help() declines, and counts that. */
	if (!nfct_seqadj(ct))
		nfct_seqadj_ext_add(ct);
}

/*
 * Who asks for ports wants their connections tracked as long as he asks, even
 * while the rules that translate them are replaced.
 */
int nst_attach_begin(struct nst_net *nn)
{
	int err = 0;

	if (!nn->tracked)
		err = nf_ct_netns_get(nn->net, NFPROTO_INET);
	if (err)
		return err;
	nn->tracked = true;
	WRITE_ONCE(nn->attached, true);
	return 0;
}

void nst_attach_end(struct nst_net *nn)
{
	WRITE_ONCE(nn->attached, false);
	if (nn->tracked)
		nf_ct_netns_put(nn->net, NFPROTO_INET);
	nn->tracked = false;
}

/* The default of the parameter asks nobody to track connections. */
void nst_attach_init(void)
{
	struct nst_net *nn = nst_pernet(&init_net);
	unsigned int i, nr = 0;

	if (!nr_ports)
		nr_ports = 1;
	for (i = 0; i < nr_ports; i++)
		if (ports[i])
			nn->env.set.ports[nr++] = ports[i];
	WRITE_ONCE(nn->attached, nr > 0);
}

void nst_attach_exit(void)
{
	nst_net_for_each(nst_attach_end);
}
