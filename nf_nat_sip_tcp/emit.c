// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments of our own.  They look like the last real packet of their
 * direction, with its addresses after NAT, and take its route.  They are
 * marked as rerouted, which leaves out a second pass through POST_ROUTING.
 */
#include <net/dsfield.h>
#include <net/flow.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/xfrm.h>

#include "compat.h"
#include "connection.h"
#include "emit.h"
#include "segment.h"

#define MSS_FLOOR 64
/* The data offset has four bits, and counts words. */
#define MAX_TCP_HEADER_LEN 60

static void set_dst(struct nst_path *path, struct dst_entry *dst)
{
	dst_release(path->dst);
	path->dst = dst;
	path->cookie = path->l3num == NFPROTO_IPV6 ? nst_dst6_cookie(dst) : 0;
}

/*
 * The route of a real packet.  Its device may be gone when the next one is
 * looked for, and with it all that the device would tell.
 */
static void learn_dst(struct nst_path *path, struct dst_entry *dst)
{
	path->l3mdev = l3mdev_master_ifindex(dst->dev);
	path->secured = dst_xfrm(dst);
	path->via = 0;
	set_dst(path, dst);
}

/* After NAT a packet is what the answer's tuple says, turned round. */
static void set_ports(struct nst_path *path, const struct nf_conn *ct, u8 dir)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[!dir].tuple;

	path->l3num = nf_ct_l3num(ct);
	path->sport = tuple->dst.u.tcp.port;
	path->dport = tuple->src.u.tcp.port;
}

/* The header that packets of @dir have behind NAT. */
static void make_header(struct nst_path *path, const struct nf_conn *ct, u8 dir,
			const struct nst_private *priv)
{
	const struct nf_conntrack_tuple *tuple = &ct->tuplehash[!dir].tuple;

	set_ports(path, ct, dir);
	path->mark = priv->mark;
	if (path->l3num == NFPROTO_IPV6) {
		ip6_flow_hdr(&path->ip6, priv->tos, 0);
		path->ip6.hop_limit = priv->ttl;
		path->ip6.saddr = tuple->dst.u3.in6;
		path->ip6.daddr = tuple->src.u3.in6;
	} else {
		path->ip4.tos = priv->tos;
		path->ip4.ttl = priv->ttl;
		path->ip4.frag_off = htons(IP_DF);
		path->ip4.protocol = IPPROTO_TCP;
		path->ip4.saddr = tuple->dst.u3.ip;
		path->ip4.daddr = tuple->src.u3.ip;
	}
}

bool nst_path_seed(struct nst_path *path, const struct nf_conn *ct,
		   struct dst_entry *dst, const struct nst_private *priv)
{
	if (!dst_hold_safe(dst))
		return false;
	make_header(path, ct, 1, priv);
	learn_dst(path, dst);
	return true;
}

/*
 * What is said to one who speaks by IPsec is not for others.  By policy, that
 * is; an xfrm interface is where the answer must go, whatever a mark of the
 * other direction makes of the route.
 */
static void guess_ipsec(struct nst_path *path, const struct sk_buff *skb)
{
	const struct sec_path *sp = skb_sec_path(skb);
	bool came = sp && sp->len;
	bool by_interface = came && sp->xvec[sp->len - 1]->if_id;

	path->secured = came && !by_interface;
	path->via = by_interface ? skb->skb_iif : 0;
}

/* Its mark and DSCP are those of the other direction until a packet shows them. */
void nst_path_guess(struct nst_path *path, const struct nst_packet *p,
		    const struct nst_private *priv)
{
	struct net_device *in = dev_get_by_index_rcu(nf_ct_net(p->ct), p->skb->skb_iif);

	make_header(path, p->ct, 0, priv);
	guess_ipsec(path, p->skb);
	if (path->l3num == NFPROTO_IPV6)
		path->ip6.hop_limit = IPDEFTTL;
	else
		path->ip4.ttl = IPDEFTTL;
	path->l3mdev = in ? l3mdev_master_ifindex_rcu(in) : 0;
}

void nst_path_learn(struct nst_path *path, const struct nst_packet *p)
{
	const struct sk_buff *skb = p->skb;
	struct dst_entry *dst = skb_dst(skb);

	set_ports(path, p->ct, p->seg.dir);
	if (dst != path->dst && dst_hold_safe(dst))
		learn_dst(path, dst);
	path->mark = skb->mark;
	path->priority = skb->priority;
	if (path->l3num == NFPROTO_IPV6)
		path->ip6 = *ipv6_hdr(skb);
	else
		path->ip4 = *ip_hdr(skb);
}

void nst_path_drop(struct nst_path *path)
{
	dst_release(path->dst);
	path->dst = NULL;
}

static void fill_flow(const struct nst_path *path, struct flowi *fl)
{
	memset(fl, 0, sizeof(*fl));
	fl->flowi_proto = IPPROTO_TCP;
	fl->flowi_mark = path->mark;
	fl->flowi_l3mdev = path->l3mdev;
	/* The source may be an address of somebody else. */
	fl->flowi_flags = FLOWI_FLAG_ANYSRC;
	if (path->l3num == NFPROTO_IPV6) {
		fl->u.ip6.saddr = path->ip6.saddr;
		fl->u.ip6.daddr = path->ip6.daddr;
		fl->u.ip6.fl6_sport = path->sport;
		fl->u.ip6.fl6_dport = path->dport;
	} else {
		fl->u.ip4.saddr = path->ip4.saddr;
		fl->u.ip4.daddr = path->ip4.daddr;
		fl->u.ip4.fl4_sport = path->sport;
		fl->u.ip4.fl4_dport = path->dport;
	}
}

static bool leads_out(const struct nst_path *path, const struct dst_entry *dst)
{
	if (dst->error || (path->via && dst->dev->ifindex != path->via))
		return false;
	if (path->l3num == NFPROTO_IPV6)
		return !(container_of_const(dst, struct rt6_info, dst)->rt6i_flags & RTF_LOCAL);
	return container_of_const(dst, struct rtable, dst)->rt_type == RTN_UNICAST;
}

/*
 * nf_route() knows nothing of IPsec: without the policy it would go in clear.
 * What has left by IPsec does not go in clear either while its policy is
 * replaced: the next real packet shows whether that is wanted.
 */
static bool reroute(struct net *net, struct nst_path *path)
{
	struct dst_entry *dst = NULL;
	struct flowi fl;

	fill_flow(path, &fl);
	if (nf_route(net, &dst, &fl, false, path->l3num) || !dst)
		return false;
	if (!leads_out(path, dst)) {
		dst_release(dst);
		return false;
	}
	/* Policies may name it, and VRFs the way to a tunnel's end; IPv6 does not fill it in. */
	fl.flowi_oif = dst->dev->ifindex;
	dst = xfrm_lookup(net, dst, &fl, NULL, 0);
	if (IS_ERR_OR_NULL(dst))
		return false;
	if (path->secured && !dst_xfrm(dst)) {
		dst_release(dst);
		return false;
	}
	set_dst(path, dst);
	return true;
}

static bool have_route(struct net *net, struct nst_path *path)
{
	if (path->dst && dst_check(path->dst, path->cookie))
		return true;
	/* Without ports nothing is known of this direction. */
	return path->sport && reroute(net, path);
}

static void put_ip4(struct net *net, struct sk_buff *skb, const struct nst_path *path)
{
	struct iphdr *iph = skb_push(skb, sizeof(*iph));

	skb_reset_network_header(skb);
	*iph = path->ip4;
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	/* What is sent again or says nothing new is not ECN-capable (RFC 3168). */
	iph->tos &= ~INET_ECN_MASK;
	iph->tot_len = htons(skb->len);
	iph->frag_off = path->ip4.frag_off & htons(IP_DF);
	ip_select_ident(net, skb, NULL);
	ip_send_check(iph);
	skb->protocol = htons(ETH_P_IP);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	IPCB(skb)->flags = IPSKB_REROUTED;
}

static void put_ip6(struct sk_buff *skb, const struct nst_path *path)
{
	struct ipv6hdr *iph = skb_push(skb, sizeof(*iph));

	skb_reset_network_header(skb);
	*iph = path->ip6;
	iph->nexthdr = IPPROTO_TCP;
	ipv6_change_dsfield(iph, (u8)~INET_ECN_MASK, 0);
	iph->payload_len = htons(skb->len - sizeof(*iph));
	skb->protocol = htons(ETH_P_IPV6);
	memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	IP6CB(skb)->flags = IP6SKB_REROUTED;
}

static __be32 *put_timestamps(__be32 *op, const struct nst_emit *e)
{
	if (!e->has_ts)
		return op;
	op[0] = htonl((TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) |
		      (TCPOPT_TIMESTAMP << 8) | TCPOLEN_TIMESTAMP);
	op[1] = htonl(e->tsval);
	op[2] = htonl(e->tsecr);
	return op + 3;
}

static void put_sack(__be32 *op, const struct nst_emit *e)
{
	u8 i;

	if (!e->nr_sack)
		return;
	*op++ = htonl((TCPOPT_NOP << 24) | (TCPOPT_NOP << 16) | (TCPOPT_SACK << 8) |
		      (TCPOLEN_SACK_BASE + e->nr_sack * TCPOLEN_SACK_PERBLOCK));
	for (i = 0; i < e->nr_sack; i++) {
		*op++ = htonl(e->sack[i].left);
		*op++ = htonl(e->sack[i].right);
	}
}

static unsigned int options_len(const struct nst_emit *e)
{
	unsigned int len = e->has_ts ? TCPOLEN_TSTAMP_ALIGNED : 0;

	if (e->nr_sack)
		len += TCPOLEN_SACK_BASE_ALIGNED + e->nr_sack * TCPOLEN_SACK_PERBLOCK;
	return len;
}

static void put_tcp(struct sk_buff *skb, const struct nst_path *path,
		    const struct nst_emit *e, u32 off)
{
	unsigned int hdr_len = sizeof(struct tcphdr) + options_len(e);
	u32 len = skb->len;
	struct tcphdr *th;

	th = skb_push(skb, hdr_len);
	skb_reset_transport_header(skb);
	memset(th, 0, hdr_len);
	th->source = path->sport;
	th->dest = path->dport;
	th->seq = htonl(e->seq + off);
	th->ack_seq = htonl(e->ack);
	th->window = htons(e->win);
	th->doff = hdr_len / 4;
	th->ack = 1;
	th->rst = e->rst;
	th->psh = e->psh && len && off + len == e->len;
	th->fin = e->fin && off + len == e->len;
	put_sack(put_timestamps((__be32 *)(th + 1), e), e);

	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	if (path->l3num == NFPROTO_IPV6)
		th->check = ~tcp_v6_check(skb->len, &path->ip6.saddr,
					  &path->ip6.daddr, 0);
	else
		th->check = ~tcp_v4_check(skb->len, path->ip4.saddr,
					  path->ip4.daddr, 0);
}

static struct sk_buff *build_one(struct net *net, const struct nst_path *path,
				 const struct nst_emit *e, u32 off, u32 len)
{
	unsigned int head = MAX_HEADER + path->dst->header_len +
			    sizeof(struct ipv6hdr) + MAX_TCP_HEADER_LEN;
	struct sk_buff *skb = alloc_skb(head + len, GFP_ATOMIC | __GFP_NOWARN);

	if (!skb)
		return NULL;
	skb_reserve(skb, head);
	if (len)
		skb_put_data(skb, e->data + off, len);
	put_tcp(skb, path, e, off);
	if (path->l3num == NFPROTO_IPV6)
		put_ip6(skb, path);
	else
		put_ip4(net, skb, path);
	skb->mark = path->mark;
	skb->priority = path->priority;
	skb_dst_set(skb, dst_clone(path->dst));
	return skb;
}

static u32 cut_size(const struct nst_path *path, const struct nst_emit *e)
{
	u32 used = sizeof(struct tcphdr) + options_len(e) +
		   (path->l3num == NFPROTO_IPV6 ? sizeof(struct ipv6hdr) :
						  sizeof(struct iphdr));
	u32 mtu = dst_mtu(path->dst);
	u32 room = mtu > used ? mtu - used : 0;

	return max_t(u32, min_t(u32, e->mss, room), MSS_FLOOR);
}

bool nst_emit_build(struct net *net, struct nst_path *path,
		    const struct nst_emit *e, struct sk_buff_head *queue)
{
	u32 off = 0;
	u32 cut;

	if (!have_route(net, path))
		return false;
	cut = cut_size(path, e);
	do {
		u32 len = min(e->len - off, cut);
		struct sk_buff *skb = build_one(net, path, e, off, len);

		if (!skb)
			return false;
		__skb_queue_tail(queue, skb);
		off += len;
	} while (off < e->len);
	return true;
}

void nst_emit_send(struct net *net, struct sk_buff_head *queue)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(queue)))
		dst_output(net, NULL, skb);
}
