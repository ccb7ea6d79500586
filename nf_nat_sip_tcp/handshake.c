// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is followed.
 *
 * The three packets of the handshake are noted in the helper's 32 bytes.  An
 * object is made when data comes; what was noted is then told to the core as
 * the segments they were.  Packets of one connection may be seen by several
 * CPUs at once; what they can spoil here before the handshake is over is
 * found out by the numbers not fitting together, and then not followed.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/dsfield.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/netfilter/nf_conntrack_synproxy.h>

#include "compat.h"
#include "connection.h"

static struct nst_connection *not_followed(struct nst_packet *p,
					   struct nst_private *priv,
					   enum nst_reason reason)
{
	nst_count(&nst_pernet(nf_ct_net(p->ct))->env, reason);
	if (priv)
		priv->flags = 0;
	return NULL;
}

/* Somebody else adjusts, or nobody can: conntrack must learn of offsets. */
static bool seqadj_denied(struct nf_conn *ct)
{
	if (test_bit(IPS_SEQ_ADJUST_BIT, &ct->status) || nfct_synproxy(ct))
		return true;
	return !nfct_seqadj(ct) && !nfct_seqadj_ext_add(ct);
}

static enum nst_reason syn_refused(struct nst_packet *p)
{
	enum nst_reason detour = nst_packet_detour(p->skb);

	if (!(p->ct->status & IPS_NAT_MASK))
		return NST_R_CONN_NOT_NATED;
	if (detour != NST_R_MAX)
		return detour;
	if (p->refused)
		return NST_R_CONN_TCP_OPTION;
	if (p->seg.len)
		return NST_R_CONN_SYN_DATA;
	if (seqadj_denied(p->ct))
		return NST_R_CONN_SEQADJ;
	return NST_R_MAX;
}

static void note_syn(struct nst_private *priv, const struct nst_segment *seg)
{
	u8 wscale;

	priv->isn[seg->dir] = seg->seq;
	priv->mss[seg->dir] = seg->mss;
	priv->win[seg->dir] = seg->win;
	wscale = seg->wscale == 0xff ? NST_NO_WSCALE : min_t(u8, seg->wscale, 14);
	priv->wscale = (priv->wscale & (seg->dir ? 0x0f : 0xf0)) | wscale << (4 * seg->dir);
	priv->flags &= ~(NST_SACK_OK(seg->dir) | NST_HAS_TS(seg->dir));
	if (seg->sack_ok)
		priv->flags |= NST_SACK_OK(seg->dir);
	if (seg->has_ts)
		priv->flags |= NST_HAS_TS(seg->dir);
}

static void take_syn(struct nst_packet *p)
{
	enum nst_reason reason;
	struct nst_private *priv;

	/* The first packet of all; extensions can be added, and so move. */
	if (!nf_ct_is_confirmed(p->ct)) {
		reason = p->seg.dir ? NST_R_CONN_NO_SYN : syn_refused(p);
		priv = nst_private(p->ct);
		if (reason != NST_R_MAX) {
			not_followed(p, priv, reason);
			return;
		}
		if (priv)
			priv->flags = NST_SEEN_SYN;
	}
	priv = nst_private(p->ct);
	if (!priv || !(priv->flags & NST_SEEN_SYN))
		return;
	/* A simultaneous open is not for us; a client may start anew. */
	if (p->seg.dir) {
		priv->flags = 0;
		return;
	}
	/* Repeated when its answer was on the way: that, and not this, is what counts. */
	if (priv->flags & NST_SEEN_SYN_ACK && p->seg.seq == priv->isn[0])
		return;
	priv->flags = NST_SEEN_SYN;
	note_syn(priv, &p->seg);
}

/* How the SYN/ACK leaves. */
static void note_way(struct nst_private *priv, const struct nst_packet *p)
{
	struct dst_entry *dst = skb_dst(p->skb);

	priv->mark = p->skb->mark;
	if (nf_ct_l3num(p->ct) == NFPROTO_IPV6) {
		priv->ttl = ipv6_hdr(p->skb)->hop_limit;
		priv->tos = ipv6_get_dsfield(ipv6_hdr(p->skb));
	} else {
		priv->ttl = ip_hdr(p->skb)->ttl;
		priv->tos = ip_hdr(p->skb)->tos;
	}
	if (priv->link || !dst_hold_safe(dst))
		return;
	if (cmpxchg(&priv->link, 0, (unsigned long)dst | NST_LINK_ROUTE))
		dst_release(dst);
}

static void take_syn_ack(struct nst_packet *p, struct nst_private *priv)
{
	enum nst_reason detour = nst_packet_detour(p->skb);

	if (!p->seg.dir || p->seg.ack != priv->isn[0] + 1)
		return;
	if (p->refused) {
		not_followed(p, priv, NST_R_CONN_TCP_OPTION);
		return;
	}
	if (detour != NST_R_MAX) {
		not_followed(p, priv, detour);
		return;
	}
	note_syn(priv, &p->seg);
	note_way(priv, p);
	priv->flags = (priv->flags & ~NST_SCALED_WIN) | NST_SEEN_SYN_ACK;
}

/* Timestamps are those of the segment at hand: none newer was seen. */
static void replay(struct nst_connection *c, const struct nst_private *priv,
		   const struct nst_packet *p, struct nst_segment *seg)
{
	u8 dir = seg->dir;
	u8 wscale = (priv->wscale >> (4 * dir)) & 0xf;

	seg->seq = priv->isn[dir] + !(seg->flags & NST_SYN);
	if (seg->flags & NST_ACK)
		seg->ack = priv->isn[!dir] + 1;
	seg->win = priv->win[dir];
	seg->mss = priv->mss[dir];
	seg->wscale = wscale == NST_NO_WSCALE ? 0xff : wscale;
	seg->sack_ok = priv->flags & NST_SACK_OK(dir);
	seg->has_ts = priv->flags & NST_HAS_TS(dir);
	if (!(seg->flags & NST_SYN))
		seg->has_ts = (priv->flags & NST_HAS_TS(0)) && (priv->flags & NST_HAS_TS(1));
	seg->tsval = dir == p->seg.dir ? p->seg.tsval : p->seg.tsecr;
	seg->tsecr = dir == p->seg.dir ? p->seg.tsecr : p->seg.tsval;
	step_segment(&c->core, seg, nst_now(), c->out);
}

static void replay_handshake(struct nst_connection *c, const struct nst_private *priv,
			     const struct nst_packet *p)
{
	struct nst_segment syn = { .dir = 0, .flags = NST_SYN };
	struct nst_segment syn_ack = { .dir = 1, .flags = NST_SYN | NST_ACK };
	struct nst_segment third = { .dir = 0, .flags = NST_ACK };
	struct nst_segment window = { .dir = 1, .flags = NST_ACK };

	replay(c, priv, p, &syn);
	replay(c, priv, p, &syn_ack);
	replay(c, priv, p, &third);
	if (priv->flags & NST_SCALED_WIN)
		replay(c, priv, p, &window);
}

static struct nst_connection *first_data(struct nst_packet *p,
					 struct nst_private *priv)
{
	enum nst_reason detour = nst_packet_detour(p->skb);
	unsigned long link = READ_ONCE(priv->link);
	struct nst_connection *c;

	if (nst_link_connection(link) || (link & NST_LINK_DEAD))
		return nst_link_connection(link);
	if (detour != NST_R_MAX)
		return not_followed(p, priv, detour);
	if (!(priv->flags & NST_SEEN_SYN_ACK) || !(priv->flags & NST_SEEN_THIRD) || !link)
		return not_followed(p, priv, NST_R_OPAQUE_ONE_SIDED);
	if (test_bit(IPS_SEQ_ADJUST_BIT, &p->ct->status))
		return not_followed(p, priv, NST_R_CONN_SEQADJ);
	if (!nf_ct_is_confirmed(p->ct) || nf_ct_is_dying(p->ct))
		return NULL;
	c = nst_connection_alloc(p->ct);
	if (c == ERR_PTR(-EAGAIN)) {
		nst_count(&nst_pernet(nf_ct_net(p->ct))->env, NST_R_SEG_NOMEM);
		return c;
	}
	if (IS_ERR(c))
		return not_followed(p, priv, NST_R_CONN_NOMEM);
	if (!nst_path_seed(&c->path[1], p->ct, nst_link_route(link), priv)) {
		nst_connection_discard(c);
		return not_followed(p, priv, NST_R_OPAQUE_ONE_SIDED);
	}
	if (p->seg.dir)
		nst_path_guess(&c->path[0], p, priv);
	nst_connection_lock(c);
	replay_handshake(c, priv, p);
	nst_connection_unlock(c);
	return nst_connection_install(c, priv, link);
}

/* No data yet: only the third packet, and windows. */
static void take_ack(const struct nst_packet *p, struct nst_private *priv)
{
	const struct nst_segment *seg = &p->seg;

	if (!(priv->flags & NST_SEEN_SYN_ACK) || !(seg->flags & NST_ACK) ||
	    seg->ack != priv->isn[!seg->dir] + 1)
		return;
	priv->win[seg->dir] = seg->win;
	priv->flags |= seg->dir ? NST_SCALED_WIN : NST_SEEN_THIRD;
}

struct nst_connection *nst_handshake(struct nst_packet *p, struct nst_private *priv)
{
	const struct nst_segment *seg = &p->seg;

	if ((seg->flags & (NST_SYN | NST_ACK)) == NST_SYN) {
		take_syn(p);
		return NULL;
	}
	if (!priv->flags) {
		if (!nf_ct_is_confirmed(p->ct))
			not_followed(p, NULL, NST_R_CONN_NO_SYN);
		return NULL;
	}
	if (seg->flags & NST_SYN) {
		take_syn_ack(p, priv);
		return NULL;
	}
	if (!(seg->flags & NST_RST))
		take_ack(p, priv);
	/*
	 * Bytes from before the first one are nobody's, or probe: conntrack lets
	 * them pass with half of all numbers, and nothing is to be learnt of them.
	 */
	if (!seg->len || before(seg->seq, priv->isn[seg->dir] + 1))
		return NULL;
	return first_data(p, priv);
}
