// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the answers of the netlink interface have in common.
 */
#include "netlink.h"

int nst_nl_put_addr(struct sk_buff *skb, int attr, const struct nst_addr *addr)
{
	return nla_put(skb, attr, addr->family == 6 ? 16 : 4, addr->ip);
}

int nst_nl_put_endpoint(struct sk_buff *skb, int attr, const struct nst_endpoint *ep)
{
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest || nst_nl_put_addr(skb, SIPNAT_A_ENDPOINT_ADDRESS, &ep->addr))
		return -EMSGSIZE;
	if (ep->port && nla_put_u16(skb, SIPNAT_A_ENDPOINT_PORT, ep->port))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

void *nst_nl_head(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd, int flags)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &nst_nl_family, NLM_F_MULTI | flags, cmd);
}

void nst_nl_walk_begin(struct nst_nl_walk *w, struct sk_buff *skb,
		       struct netlink_callback *cb)
{
	*w = (struct nst_nl_walk){
		.skb = skb, .cb = cb, .mark = skb->len, .pos = cb->args[0],
		.first = cb->args[0], .at = cb->args[0], .skip = cb->args[1],
	};
}

bool nst_nl_walk_wants(struct nst_nl_walk *w)
{
	if (w->at != w->pos) {
		w->at = w->pos;
		w->mark = w->skb->len;
		w->nr = 0;
	}
	return w->nr++ >= (w->at == w->first ? w->skip : 0);
}

int nst_nl_walk_flags(const struct nst_nl_walk *w)
{
	return w->at == w->first && w->skip ? NLM_F_DUMP_INTR : 0;
}

bool nst_nl_walk_full(struct nst_nl_walk *w)
{
	w->full = true;
	if (w->mark)
		skb_trim(w->skb, w->mark);
	else
		w->sent = w->nr - 1;
	return false;
}

int nst_nl_walk_end(const struct nst_nl_walk *w)
{
	w->cb->args[0] = w->pos;
	w->cb->args[1] = w->sent;
	return w->full && !w->skb->len ? -EMSGSIZE : w->skb->len;
}
