// SPDX-License-Identifier: GPL-2.0-only
/*
 * skb to segment, and what the core decided about the segment back to the skb.
 *
 * No pointer into the packet survives a call that may move its data: all
 * changes start again from skb->data and an offset.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <net/dst_metadata.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/netfilter/nf_nat_helper.h>
#include <net/tcp.h>

#include "compat.h"
#include "segment.h"

#define SACK_BLOCK 8
#define DEFAULT_MSS 536

static void read_sack(struct nst_packet *p, const u8 *op, unsigned int off)
{
	struct nst_segment *seg = &p->seg;
	u8 i;

	seg->nr_sack = (op[1] - 2) / SACK_BLOCK;
	if (!seg->nr_sack || seg->nr_sack > NST_SACK_MAX || (op[1] - 2) % SACK_BLOCK) {
		seg->nr_sack = 0;
		return;
	}
	for (i = 0; i < seg->nr_sack; i++) {
		seg->sack[i].left = get_unaligned_be32(op + 2 + i * SACK_BLOCK);
		seg->sack[i].right = get_unaligned_be32(op + 6 + i * SACK_BLOCK);
	}
	p->sack_off = off;
}

static void read_option(struct nst_packet *p, const u8 *op, unsigned int off)
{
	struct nst_segment *seg = &p->seg;
	bool syn = seg->flags & NST_SYN;

	switch (op[0]) {
	case TCPOPT_MSS:
		if (syn && op[1] == TCPOLEN_MSS)
			seg->mss = get_unaligned_be16(op + 2);
		break;
	case TCPOPT_WINDOW:
		if (syn && op[1] == TCPOLEN_WINDOW)
			seg->wscale = op[2];
		break;
	case TCPOPT_SACK_PERM:
		seg->sack_ok = syn;
		break;
	case TCPOPT_TIMESTAMP:
		if (op[1] != TCPOLEN_TIMESTAMP)
			break;
		seg->has_ts = true;
		p->ts_off = off;
		seg->tsval = get_unaligned_be32(op + 2);
		seg->tsecr = get_unaligned_be32(op + 6);
		break;
	case TCPOPT_SACK:
		read_sack(p, op, off);
		break;
	case TCPOPT_MD5SIG:
	case TCPOPT_AO:
	case TCPOPT_MPTCP:
		p->refused = true;
		break;
	}
}

/* @hdr: the whole TCP header */
static void read_options(struct nst_packet *p, const u8 *hdr)
{
	unsigned int off = sizeof(struct tcphdr);

	while (off < p->hdr_len && hdr[off] != TCPOPT_EOL) {
		if (hdr[off] == TCPOPT_NOP) {
			off++;
			continue;
		}
		if (off + 1 == p->hdr_len || hdr[off + 1] < 2 ||
		    off + hdr[off + 1] > p->hdr_len)
			return;
		read_option(p, hdr + off, off);
		off += hdr[off + 1];
	}
}

static bool is_tcp(const struct nst_packet *p)
{
	__be16 frag_off;
	u8 nexthdr;

	if (nf_ct_l3num(p->ct) == NFPROTO_IPV4)
		return ip_hdr(p->skb)->protocol == IPPROTO_TCP &&
		       !ip_is_fragment(ip_hdr(p->skb));
	nexthdr = ipv6_hdr(p->skb)->nexthdr;
	return nexthdr == IPPROTO_TCP ||
	       (ipv6_skip_exthdr(p->skb, sizeof(struct ipv6hdr), &nexthdr,
				 &frag_off) == p->protoff &&
		nexthdr == IPPROTO_TCP && !frag_off);
}

bool nst_packet_read(struct nst_packet *p)
{
	struct nst_segment *seg = &p->seg;
	const struct sk_buff *skb = p->skb;
	u8 buf[60] __aligned(4);
	const struct tcphdr *th;

	if (!is_tcp(p))
		return false;
	th = skb_header_pointer(skb, p->protoff, sizeof(*th), buf);
	if (!th || th->doff * 4 < sizeof(*th))
		return false;
	p->hdr_len = th->doff * 4;
	th = skb_header_pointer(skb, p->protoff, p->hdr_len, buf);
	if (!th)
		return false;

	seg->dir = CTINFO2DIR(p->ctinfo);
	seg->flags = tcp_flag_byte(th);
	seg->seq = ntohl(th->seq);
	seg->ack = seg->flags & NST_ACK ? ntohl(th->ack_seq) : 0;
	seg->win = ntohs(th->window);
	seg->len = skb->len - p->protoff - p->hdr_len;
	seg->seg_size = skb_is_gso(skb) ? skb_shinfo(skb)->gso_size :
			min_t(u32, seg->len, U16_MAX);
	seg->mss = DEFAULT_MSS;
	seg->wscale = 0xff;
	read_options(p, (const u8 *)th);
	return true;
}

/*
 * A bridged packet has a physical port to leave by, and a route that is none;
 * having come in through a bridge port and being routed is normal.
 */
static bool is_bridged(const struct sk_buff *skb)
{
	return !skb_valid_dst(skb) || (skb_dst(skb)->flags & DST_FAKE_RTABLE) ||
	       nf_bridge_get_physoutdev(skb);
}

/* NF_DROP on a packet of this host is an error to its TCP, and hangs it. */
static bool is_local(const struct sk_buff *skb)
{
	if (skb->sk)
		return true;
	if (skb->protocol == htons(ETH_P_IPV6))
		return ipv6_unicast_destination(skb);
	return skb_rtable(skb)->rt_flags & RTCF_LOCAL;
}

enum nst_reason nst_packet_detour(const struct sk_buff *skb)
{
	if (is_bridged(skb))
		return NST_R_CONN_BRIDGED;
	if (is_local(skb))
		return NST_R_CONN_LOCAL;
	return NST_R_MAX;
}

/* Where all of the payload lies behind the headers, in memory that nobody else writes. */
static const char *in_one_page(const struct nst_packet *p)
{
	const struct sk_buff *skb = p->skb;

	if (IS_ENABLED(CONFIG_HIGHMEM) || skb_headlen(skb) != p->protoff + p->hdr_len ||
	    skb_shinfo(skb)->nr_frags != 1 || skb_has_frag_list(skb) ||
	    skb_has_shared_frag(skb))
		return NULL;
	return skb_frag_address_safe(&skb_shinfo(skb)->frags[0]);
}

/* What is made linear is copied, only to be read, and perhaps to be replaced. */
bool nst_packet_payload(struct nst_packet *p)
{
	if (!p->seg.len)
		return true;
	p->seg.payload = in_one_page(p);
	if (p->seg.payload)
		return true;
	if (skb_linearize(p->skb))
		return false;
	p->seg.payload = (const char *)p->skb->data + p->protoff + p->hdr_len;
	return true;
}

static struct tcphdr *tcp_header(const struct nst_packet *p)
{
	return (struct tcphdr *)(p->skb->data + p->protoff);
}

/* As mangling does it: the checksum is left to the device. */
static void set_length(struct nst_packet *p, unsigned int was)
{
	struct sk_buff *skb = p->skb;
	unsigned int len = skb->len - p->protoff;
	__sum16 *check = &tcp_header(p)->check;
	bool v4 = nf_ct_l3num(p->ct) == NFPROTO_IPV4;

	if (v4) {
		ip_hdr(skb)->tot_len = htons(skb->len);
		ip_send_check(ip_hdr(skb));
	} else {
		ipv6_hdr(skb)->payload_len = htons(skb->len - sizeof(struct ipv6hdr));
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		inet_proto_csum_replace2(check, skb, htons(was), htons(len), true);
		return;
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + p->protoff;
	skb->csum_offset = offsetof(struct tcphdr, check);
	*check = v4 ? ~tcp_v4_check(len, ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, 0) :
		      ~tcp_v6_check(len, &ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, 0);
}

/*
 * There is no room for the new payload behind the headers: mangling would make a
 * larger buffer and copy into it what is to go, too.  In pages that somebody else
 * counts references of there must be none of ours.
 */
static bool wants_page(const struct nst_packet *p, u32 len)
{
	struct sk_buff *skb = p->skb;

	return len && len <= PAGE_SIZE && !skb_zcopy(skb) &&
	       (skb_is_nonlinear(skb) || skb_tailroom(skb) + p->seg.len < len);
}

/* Payload of a packet becomes @data, in a page of its own. */
static bool put_page_in(struct nst_packet *p, const char *data, u32 len)
{
	unsigned int header = p->protoff + p->hdr_len;
	unsigned int was = p->skb->len - p->protoff;
	char *frag = netdev_alloc_frag(len);
	struct page *page;

	if (!frag)
		return false;
	/* The list of pages is common to all clones. */
	if (skb_unclone(p->skb, GFP_ATOMIC) || skb_ensure_writable(p->skb, header) ||
	    pskb_trim(p->skb, header)) {
		skb_free_frag(frag);
		return false;
	}
	memcpy(frag, data, len);
	page = virt_to_head_page(frag);
	skb_add_rx_frag(p->skb, 0, page, frag - (char *)page_address(page), len,
			SKB_DATA_ALIGN(len));
	set_length(p, was);
	return true;
}

static bool mangle(struct nst_packet *p, u32 off, const char *data, u32 len)
{
	return __nf_nat_mangle_tcp_packet(p->skb, p->ct, p->ctinfo, p->protoff, off,
					  p->seg.len - off, data, len, false);
}

/*
 * Payload from @off on becomes @data.  Checksum left to the device, and no GSO:
 * whoever needs it sets it anew.
 */
static bool set_payload(struct nst_packet *p, u32 off, const char *data, u32 len)
{
	if (!(!off && wants_page(p, len) && put_page_in(p, data, len)) &&
	    !mangle(p, off, data, len))
		return false;
	skb_gso_reset(p->skb);
	return true;
}

/* Payload bytes that fit into one packet of the route. */
static unsigned int route_mss(const struct nst_packet *p)
{
	unsigned int mtu = dst_mtu(skb_dst(p->skb));
	unsigned int used = p->protoff + p->hdr_len;

	return mtu > used + DEFAULT_MSS / 4 ? mtu - used : DEFAULT_MSS / 4;
}

/*
 * tcp_gso_segment() cuts it again behind us.  FRAGLIST, FIXEDID and DODGY of
 * what came must not survive; a payload of one segment must have no GSO.
 */
static void set_gso(struct nst_packet *p, unsigned int mss)
{
	struct skb_shared_info *info = skb_shinfo(p->skb);
	unsigned int len = p->skb->len - p->protoff - p->hdr_len;

	mss = min(mss, route_mss(p));
	if (len <= mss)
		return;
	info->gso_size = mss;
	info->gso_segs = DIV_ROUND_UP(len, mss);
	info->gso_type = nf_ct_l3num(p->ct) == NFPROTO_IPV4 ? SKB_GSO_TCPV4 :
							      SKB_GSO_TCPV6;
	if (tcp_header(p)->cwr)
		info->gso_type |= NST_GSO_CWR;
	skb_set_transport_header(p->skb, p->protoff);
}

/* What the core assumes to stand in the header are the timestamps. */
static unsigned int carry_cut(const struct nst_packet *p, u16 carry_mss)
{
	unsigned int options = p->hdr_len - sizeof(struct tcphdr);
	unsigned int assumed = p->seg.has_ts ? TCPOLEN_TSTAMP_ALIGNED : 0;

	if (options <= assumed || carry_mss <= options - assumed)
		return carry_mss;
	return carry_mss - (options - assumed);
}

static void put_be32(struct nst_packet *p, __be32 *field, u32 value)
{
	__be32 new = htonl(value);

	inet_proto_csum_replace4(&tcp_header(p)->check, p->skb, *field, new, false);
	*field = new;
}

static void put_be16(struct nst_packet *p, __be16 *field, u16 value)
{
	__be16 new = htons(value);

	inet_proto_csum_replace2(&tcp_header(p)->check, p->skb, *field, new, false);
	*field = new;
}

static void write_sack(u8 *op, const struct nst_segment *seg,
		       const struct nst_out *out)
{
	u8 end = 2 + seg->nr_sack * SACK_BLOCK;
	u8 i;

	for (i = 0; i < out->nr_sack; i++) {
		put_unaligned_be32(out->sack[i].left, op + 2 + i * SACK_BLOCK);
		put_unaligned_be32(out->sack[i].right, op + 6 + i * SACK_BLOCK);
	}
	op[1] = 2 + out->nr_sack * SACK_BLOCK;
	i = out->nr_sack ? op[1] : 0;
	memset(op + i, TCPOPT_NOP, end - i);
}

/* The option may stand at any offset: the sum is taken over all options. */
static void put_sack(struct nst_packet *p, const struct nst_out *out)
{
	struct tcphdr *th = tcp_header(p);
	unsigned int len = p->hdr_len - sizeof(*th);
	__wsum old = csum_partial(th + 1, len, 0);

	write_sack((u8 *)th + p->sack_off, &p->seg, out);
	if (p->skb->ip_summed != CHECKSUM_PARTIAL)
		csum_replace_by_diff(&th->check,
				     csum_sub(csum_partial(th + 1, len, 0), old));
}

static bool sack_changes(const struct nst_packet *p, const struct nst_out *out)
{
	return p->sack_off &&
	       (out->nr_sack != p->seg.nr_sack ||
		memcmp(out->sack, p->seg.sack, out->nr_sack * sizeof(out->sack[0])));
}

static bool tsval_changes(const struct nst_packet *p, const struct nst_out *out)
{
	return p->seg.has_ts && out->tsval != p->seg.tsval;
}

/* At an odd offset its bytes change places in the sum: that is taken over all. */
static void put_tsval(struct nst_packet *p, const struct nst_out *out)
{
	struct tcphdr *th = tcp_header(p);
	u8 *field = (u8 *)th + p->ts_off + 2;
	unsigned int len = p->hdr_len - sizeof(*th);
	__wsum old = csum_partial(th + 1, len, 0);

	put_unaligned_be32(out->tsval, field);
	if (p->skb->ip_summed != CHECKSUM_PARTIAL)
		csum_replace_by_diff(&th->check,
				     csum_sub(csum_partial(th + 1, len, 0), old));
}

static bool header_changes(const struct nst_packet *p, const struct nst_out *out,
			   u8 clear)
{
	const struct nst_segment *seg = &p->seg;

	return out->seq != seg->seq || out->win != seg->win ||
	       (seg->flags & clear) || sack_changes(p, out) || tsval_changes(p, out) ||
	       ((seg->flags & NST_ACK) && out->ack != seg->ack);
}

/*
 * Segments of a frag list have headers of their own that would keep their
 * numbers, so such an skb becomes an ordinary one.
 */
static bool write_prepare(struct nst_packet *p)
{
	struct sk_buff *skb = p->skb;
	unsigned int mss = skb_shinfo(skb)->gso_size;

	if (!skb_is_gso(skb) || !(skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST))
		return !skb_ensure_writable(skb, p->protoff + p->hdr_len);
	if (!set_payload(p, p->seg.len, "", 0))
		return false;
	set_gso(p, mss);
	return true;
}

static bool write_header(struct nst_packet *p, const struct nst_out *out, u8 clear)
{
	struct tcphdr *th;

	if (!header_changes(p, out, clear))
		return true;
	if (!write_prepare(p))
		return false;
	th = tcp_header(p);
	put_be32(p, &th->seq, out->seq);
	if (th->ack)
		put_be32(p, &th->ack_seq, out->ack);
	put_be16(p, &th->window, out->win);
	if (p->seg.flags & clear)
		put_be16(p, (__be16 *)th + 6, get_unaligned_be16((u8 *)th + 12) & ~clear);
	if (sack_changes(p, out))
		put_sack(p, out);
	if (tsval_changes(p, out))
		put_tsval(p, out);
	return true;
}

static bool apply(struct nst_packet *p, const struct nst_out *out)
{
	u8 clear = out->clear_flags;

	if (out->verdict == NST_CARRY) {
		if (!set_payload(p, 0, out->carry, out->carry_len))
			return false;
		set_gso(p, carry_cut(p, out->carry_mss));
		return write_header(p, out, clear);
	}
	if (out->verdict == NST_TRIM || out->len < p->seg.len) {
		u32 keep = out->verdict == NST_TRIM ? 0 : out->len;
		unsigned int mss = skb_shinfo(p->skb)->gso_size;

		clear |= NST_FIN | NST_PSH;
		if (!set_payload(p, keep, "", 0))
			return false;
		set_gso(p, mss ?: keep);
	}
	return write_header(p, out, clear);
}

unsigned int nst_packet_apply(struct nst_packet *p, const struct nst_out *out)
{
	if (out->verdict == NST_DROP)
		return NF_DROP;
	return apply(p, out) ? NF_ACCEPT : NF_DROP;
}
