/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, for perf, trace-cmd and bpftrace.  Numbers are in host byte
 * order, addresses are text; of a packet's payload nothing is shown.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nf_nat_sip_tcp

#if !defined(NF_NAT_SIP_TCP_TRACEPOINTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define NF_NAT_SIP_TCP_TRACEPOINTS_H

#include <linux/tracepoint.h>

#include <nf_nat_sip_tcp/conn.h>
#include <nf_nat_sip_tcp/event.h>

#include "events.h"

#define show_direction(dir) __print_symbolic(dir, { 0, "orig" }, { 1, "reply" })

#define show_verdict(verdict) __print_symbolic(verdict,	\
	{ 0, "accept" }, { 1, "trim" }, { 2, "carry" }, { 3, "drop" })

/* A segment of a followed connection: as it came, and as it goes on. */
TRACE_EVENT(sip_segment,
	TP_PROTO(u64 conn, const struct nst_segment *seg, const struct nst_out *out,
		 bool dropped),
	TP_ARGS(conn, seg, out, dropped),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, dir)
		__field(u8, flags)
		__field(u8, verdict)
		__field(u32, seq)
		__field(u32, ack)
		__field(u32, len)
		__field(u32, new_seq)
		__field(u32, new_ack)
		__field(u32, new_len)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->dir = seg->dir;
		__entry->flags = seg->flags;
		__entry->verdict = dropped ? NST_DROP : out->verdict;
		__entry->seq = seg->seq;
		__entry->ack = seg->ack;
		__entry->len = seg->len;
		__entry->new_seq = out->seq;
		__entry->new_ack = out->ack;
		__entry->new_len = dropped ? 0 : nst_event_sent(out);
	),
	TP_printk("conn=%llu dir=%s flags=%02x seq=%u ack=%u len=%u verdict=%s new_seq=%u new_ack=%u new_len=%u",
		  __entry->conn, show_direction(__entry->dir), __entry->flags,
		  __entry->seq, __entry->ack, __entry->len,
		  show_verdict(__entry->verdict), __entry->new_seq,
		  __entry->new_ack, __entry->new_len)
);

/* A segment of our own, or several of one size; as its receiver sees the numbers. */
TRACE_EVENT(sip_emit,
	TP_PROTO(u64 conn, const struct nst_emit *e, bool failed),
	TP_ARGS(conn, e, failed),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, dir)
		__field(u8, flags)
		__field(u8, nr_sack)
		__field(bool, failed)
		__field(u16, win)
		__field(u16, mss)
		__field(u32, seq)
		__field(u32, ack)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->dir = e->to;
		__entry->flags = NST_ACK | (e->rst ? NST_RST : 0) |
				 (e->psh ? NST_PSH : 0) | (e->fin ? NST_FIN : 0);
		__entry->nr_sack = e->nr_sack;
		__entry->failed = failed;
		__entry->win = e->win;
		__entry->mss = e->mss;
		__entry->seq = e->seq;
		__entry->ack = e->ack;
		__entry->len = e->len;
	),
	TP_printk("conn=%llu dir=%s flags=%02x seq=%u ack=%u len=%u win=%u nr_sack=%u mss=%u failed=%u",
		  __entry->conn, show_direction(__entry->dir), __entry->flags,
		  __entry->seq, __entry->ack, __entry->len, __entry->win,
		  __entry->nr_sack, __entry->mss, __entry->failed)
);

/* An ICMP error about a segment: as it came, and as it goes on. */
TRACE_EVENT(sip_icmp,
	TP_PROTO(u64 conn, const struct nst_icmp *was, const struct nst_icmp *e, u16 path_max),
	TP_ARGS(conn, was, e, path_max),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, dir)
		__field(bool, too_big)
		__field(u16, mss)
		__field(u16, path_max)
		__field(u32, seq)
		__field(u32, new_seq)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->dir = e->dir;
		__entry->too_big = e->too_big;
		__entry->mss = e->mss;
		__entry->path_max = path_max;
		__entry->seq = was->seq;
		__entry->new_seq = e->seq;
	),
	TP_printk("conn=%llu dir=%s too_big=%u mss=%u path_max=%u seq=%u new_seq=%u",
		  __entry->conn, show_direction(__entry->dir), __entry->too_big,
		  __entry->mss, __entry->path_max, __entry->seq, __entry->new_seq)
);

/* A message of which enough is there to go on. */
TRACE_EVENT_FN(sip_message,
	TP_PROTO(const struct nst_event *e),
	TP_ARGS(e),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, dir)
		__field(bool, response)
		__field(u32, hdr_len)
		__field(u32, body_len)
	),
	TP_fast_assign(
		__entry->conn = e->conn;
		__entry->dir = e->dir;
		__entry->hdr_len = e->n[0];
		__entry->body_len = e->n[1];
		__entry->response = e->n[2];
	),
	TP_printk("conn=%llu dir=%s %s hdr_len=%u body_len=%u", __entry->conn,
		  show_direction(__entry->dir),
		  __entry->response ? "response" : "request",
		  __entry->hdr_len, __entry->body_len),
	nst_events_reg, nst_events_unreg
);

/* It leaves with other bytes. */
TRACE_EVENT_FN(sip_edits,
	TP_PROTO(const struct nst_event *e),
	TP_ARGS(e),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, dir)
		__field(u32, old_len)
		__field(u32, new_len)
		__field(u32, nr)
	),
	TP_fast_assign(
		__entry->conn = e->conn;
		__entry->dir = e->dir;
		__entry->old_len = e->n[0];
		__entry->new_len = e->n[1];
		__entry->nr = e->n[2];
	),
	TP_printk("conn=%llu dir=%s old_len=%u new_len=%u nr=%u", __entry->conn,
		  show_direction(__entry->dir), __entry->old_len,
		  __entry->new_len, __entry->nr),
	nst_events_reg, nst_events_unreg
);

/* From now on nothing of the connection is looked at. */
TRACE_EVENT_FN(sip_opaque,
	TP_PROTO(const struct nst_event *e),
	TP_ARGS(e),
	TP_STRUCT__entry(
		__field(u64, conn)
		__array(char, reason, NST_EVENT_TEXT)
	),
	TP_fast_assign(
		__entry->conn = e->conn;
		strscpy(__entry->reason, nst_reason_name(e->reason), NST_EVENT_TEXT);
	),
	TP_printk("conn=%llu reason=%s", __entry->conn, __entry->reason),
	nst_events_reg, nst_events_unreg
);

/* reserved, released (reserved in vain), open, closed */
TRACE_EVENT(sip_door,
	TP_PROTO(const char *action, const struct nst_gate *gate),
	TP_ARGS(action, gate),
	TP_STRUCT__entry(
		__array(char, action, NST_EVENT_TEXT)
		__field(u8, transport)
		__array(char, public_ep, NST_EVENT_TEXT)
		__array(char, inside, NST_EVENT_TEXT)
		__array(char, filter, NST_EVENT_TEXT)
	),
	TP_fast_assign(
		strscpy(__entry->action, action, NST_EVENT_TEXT);
		__entry->transport = gate->outside.proto;
		nst_event_key(__entry->public_ep, &gate->outside);
		nst_event_key(__entry->inside, &gate->inside);
		nst_event_endpoint(__entry->filter, &gate->filter);
	),
	TP_printk("%s %s public_ep=%s inside=%s filter=%s", __entry->action,
		  __print_symbolic(__entry->transport, { IPPROTO_TCP, "tcp" },
				   { IPPROTO_UDP, "udp" }),
		  __entry->public_ep, __entry->inside, __entry->filter)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tracepoints
#include <trace/define_trace.h>
