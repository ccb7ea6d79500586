// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP errors about segments of followed connections.
 *
 * They quote a segment as it left here, with numbers that its sender never
 * wrote: it would take the error for a forgery (RFC 5927 4.1) and not find
 * out that its segments are too large.  NAT translates the quoted addresses,
 * in PRE_ROUTING those that it changed at the source and in POST_ROUTING the
 * others; this stands behind both.  help() is not called for them in the
 * direction of answers.
 *
 * What is quoted beyond the first eight bytes may be missing (RFC 792).
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/netfilter/nf_conntrack_helper.h>

#include "compat.h"
#include "connection.h"
#include "helper.h"
#include "icmp.h"
#include "tracepoints.h"

/* Linux takes no smaller one for a path either; 576 is usual (RFC 791). */
#define MTU_LEAST4 552
/* And that leaves so much beside the longest headers of IPv4 and a TCP header. */
#define MSS_LEAST (MTU_LEAST4 - 80)

/* Of a quoted TCP header, bytes that must be there to have the field. */
#define QUOTED_SEQ 8
#define QUOTED_ACK 12
#define QUOTED_CHECK 18

/**
 * struct quote - an ICMP error, and where things are in it
 * @skb: the packet
 * @ct: connection that it is about
 * @icmp: offset of the ICMP header
 * @tcp: offset of the quoted TCP header
 * @len: bytes of it that are there, at most QUOTED_CHECK
 * @e: what the core sees
 */
struct quote {
	struct sk_buff *skb;
	struct nf_conn *ct;
	unsigned int icmp;
	unsigned int tcp;
	unsigned int len;
	struct nst_icmp e;
};

/*
 * @ip: offset of the quoted header.  Extension headers that somebody made up
 * must not leave segments of a few bytes, of which there would be thousands.
 */
static void take_mtu(struct quote *q, unsigned int ip, u32 mtu, u32 least)
{
	u32 used = q->tcp - ip + sizeof(struct tcphdr);

	q->e.too_big = true;
	if (!mtu)
		return;
	mtu = clamp_t(u32, mtu, least, U16_MAX);
	q->e.mss = mtu > used + MSS_LEAST ? mtu - used : MSS_LEAST;
}

static bool read_icmp4(struct quote *q)
{
	unsigned int ip = q->icmp + sizeof(struct icmphdr);
	const struct icmphdr *icmp;
	struct icmphdr icmp_buf;
	const struct iphdr *iph;
	struct iphdr ip_buf;

	icmp = skb_header_pointer(q->skb, q->icmp, sizeof(icmp_buf), &icmp_buf);
	iph = skb_header_pointer(q->skb, ip, sizeof(ip_buf), &ip_buf);
	if (!icmp || !icmp_is_err(icmp->type) || icmp->type == ICMP_REDIRECT || !iph ||
	    iph->ihl * 4 < sizeof(*iph) || iph->protocol != IPPROTO_TCP ||
	    (iph->frag_off & htons(IP_OFFSET)))
		return false;
	q->tcp = ip + iph->ihl * 4;
	if (icmp->type == ICMP_DEST_UNREACH && icmp->code == ICMP_FRAG_NEEDED)
		take_mtu(q, ip, ntohs(icmp->un.frag.mtu), MTU_LEAST4);
	return true;
}

/* RFC 8201 4: a smaller MTU than every link has is none. */
static bool read_icmp6(struct quote *q)
{
	unsigned int ip = q->icmp + sizeof(struct icmp6hdr);
	const struct icmp6hdr *icmp;
	struct icmp6hdr icmp_buf;
	const struct ipv6hdr *iph;
	struct ipv6hdr ip_buf;
	__be16 frag_off = 0;
	u8 nexthdr;
	int tcp;

	icmp = skb_header_pointer(q->skb, q->icmp, sizeof(icmp_buf), &icmp_buf);
	iph = skb_header_pointer(q->skb, ip, sizeof(ip_buf), &ip_buf);
	if (!icmp || !icmpv6_is_err(icmp->icmp6_type) || !iph)
		return false;
	nexthdr = iph->nexthdr;
	tcp = ipv6_skip_exthdr(q->skb, ip + sizeof(*iph), &nexthdr, &frag_off);
	if (tcp < 0 || nexthdr != IPPROTO_TCP || (frag_off & htons(IP6_OFFSET)))
		return false;
	q->tcp = tcp;
	if (icmp->icmp6_type == ICMPV6_PKT_TOOBIG)
		take_mtu(q, ip, ntohl(icmp->icmp6_mtu), IPV6_MIN_MTU);
	return true;
}

static bool read_numbers(struct quote *q)
{
	unsigned int off = offsetof(struct tcphdr, seq);
	__be32 buf, *number;

	if (q->skb->len < q->tcp + QUOTED_SEQ)
		return false;
	q->len = min_t(unsigned int, q->skb->len - q->tcp, QUOTED_CHECK);
	number = skb_header_pointer(q->skb, q->tcp + off, sizeof(buf), &buf);
	if (!number)
		return false;
	q->e.seq = ntohl(*number);
	off = offsetof(struct tcphdr, ack_seq);
	if (q->len >= QUOTED_ACK)
		number = skb_header_pointer(q->skb, q->tcp + off, sizeof(buf), &buf);
	q->e.ack = number ? ntohl(*number) : 0;
	return true;
}

bool nst_icmp_is_error(const struct sk_buff *skb)
{
	__be16 frag_off;
	u8 nexthdr;

	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->protocol == IPPROTO_ICMP;
	nexthdr = ipv6_hdr(skb)->nexthdr;
	return ipv6_skip_exthdr(skb, skb_network_offset(skb) + sizeof(struct ipv6hdr),
				&nexthdr, &frag_off) >= 0 && nexthdr == IPPROTO_ICMPV6;
}

static bool read_quote(struct quote *q, u8 pf)
{
	__be16 frag_off;
	u8 nexthdr;
	int icmp;

	if (pf == NFPROTO_IPV4) {
		q->icmp = skb_network_offset(q->skb) + ip_hdrlen(q->skb);
		return ip_hdr(q->skb)->protocol == IPPROTO_ICMP && read_icmp4(q) &&
		       read_numbers(q);
	}
	nexthdr = ipv6_hdr(q->skb)->nexthdr;
	icmp = ipv6_skip_exthdr(q->skb, skb_network_offset(q->skb) + sizeof(struct ipv6hdr),
				&nexthdr, &frag_off);
	if (icmp < 0 || nexthdr != IPPROTO_ICMPV6 || (frag_off & htons(IP6_OFFSET)))
		return false;
	q->icmp = icmp;
	return read_icmp6(q) && read_numbers(q);
}

/* The place of the ICMP checksum is the same in both. */
static __sum16 *icmp_sum(const struct quote *q)
{
	return (__sum16 *)(q->skb->data + q->icmp + offsetof(struct icmphdr, checksum));
}

/* A word of the quoted header, and with it the quoted checksum, where it is there. */
static void put_number(struct quote *q, unsigned int off, u32 value)
{
	__be32 *field = (__be32 *)(q->skb->data + q->tcp + off);
	struct tcphdr *th = (struct tcphdr *)(q->skb->data + q->tcp);
	__be32 new = htonl(value);

	csum_replace4(icmp_sum(q), *field, new);
	if (q->len >= QUOTED_CHECK) {
		__sum16 old = th->check;

		csum_replace4(&th->check, *field, new);
		csum_replace2(icmp_sum(q), (__force __be16)old, (__force __be16)th->check);
	}
	*field = new;
}

static bool write_numbers(struct quote *q, const struct nst_icmp *was)
{
	bool ack = q->len >= QUOTED_ACK && q->e.ack != was->ack;

	if (q->e.seq == was->seq && !ack)
		return true;
	if (skb_ensure_writable(q->skb, q->tcp + q->len))
		return false;
	if (q->e.seq != was->seq)
		put_number(q, offsetof(struct tcphdr, seq), q->e.seq);
	if (ack)
		put_number(q, offsetof(struct tcphdr, ack_seq), q->e.ack);
	return true;
}

static unsigned int error_locked(struct nst_connection *c, struct quote *q,
				 struct sk_buff_head *queue)
{
	struct nst_icmp was = q->e;

	if (c->life != NST_LIFE_LIVE)
		return NF_ACCEPT;
	step_icmp(&c->core, &q->e, nst_now(), c->out);
	trace_sip_icmp(c->core.id, &was, &q->e, c->core.flow[q->e.dir].path_max);
	nst_connection_act(c, queue);
	/* A wrong number is worse than no error: there will be another one. */
	if (!write_numbers(q, &was))
		return NF_DROP;
	if (q->e.seq != was.seq || q->e.ack != was.ack)
		nst_count(&c->nn->env, NST_R_ICMP_TRANSLATED);
	return NF_ACCEPT;
}

/* Ours, and with bytes; under RCU. */
static struct nst_connection *connection_of(const struct nf_conn *ct)
{
	const struct nf_conn_help *help = nfct_help(ct);
	struct nf_conntrack_helper *helper;

	helper = help ? rcu_dereference(help->helper) : NULL;
	if (!helper || helper != nst_helper_get(nf_ct_l3num(ct)))
		return NULL;
	return nst_link_connection(READ_ONCE(nst_private(ct)->link));
}

/*
 * This host itself complains about packets before they reach help(), in
 * routing, and behind it, in IPsec and where they leave.  Only behind NAT the
 * quoted source is the translated one; where there is nothing to translate it
 * is taken to be the former, and the error passes as it is.
 */
static bool is_behind(const struct sk_buff *skb, const struct nf_conn *ct, u8 dir)
{
	return skb->skb_iif ||
	       !nf_inet_addr_cmp(&ct->tuplehash[dir].tuple.src.u3,
				 &ct->tuplehash[!dir].tuple.dst.u3);
}

/* As nf_confirm(): a packet of this host passes the VRF and then its device. */
static bool comes_again(const struct nf_hook_state *state)
{
	return state->out && netif_is_l3_master(state->out);
}

unsigned int nst_icmp_error(struct sk_buff *skb, struct nf_conn *ct, u8 dir,
			    const struct nf_hook_state *state)
{
	struct nst_net *nn = nst_pernet(state->net);
	struct quote q = { .skb = skb, .ct = ct, .e.dir = dir };
	struct nst_connection *c;
	struct sk_buff_head queue;
	unsigned int verdict;

	if (READ_ONCE(nn->dying) || comes_again(state) ||
	    nst_packet_detour(skb) == NST_R_CONN_BRIDGED)
		return NF_ACCEPT;
	c = connection_of(ct);
	if (!c || !read_quote(&q, state->pf) || !is_behind(skb, ct, dir))
		return NF_ACCEPT;
	__skb_queue_head_init(&queue);
	nst_connection_lock(c);
	verdict = error_locked(c, &q, &queue);
	nst_connection_unlock(c);
	nst_emit_send(nn->net, &queue);
	return verdict;
}
