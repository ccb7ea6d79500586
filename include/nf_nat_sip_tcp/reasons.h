/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_REASONS_H
#define NF_NAT_SIP_TCP_REASONS_H

/*
 * Every way that a packet, a message, a call or a connection can end has a
 * line here: identifier, name as shown to users, meaning.  The list feeds
 * the counters in /proc/net/stat/nf_nat_sip_tcp and the reference in
 * Documentation/; names stay once released.
 */
#define NST_REASONS(R)							\
	/* connections */						\
	R(CONN_FOLLOWED, "conn_followed", "connections followed from their SYN") \
	R(CONN_NOT_NATED, "conn_not_nated", "connections not followed because nothing of them is translated") \
	R(CONN_LOCAL, "conn_local", "connections not followed because one end is this host") \
	R(CONN_BRIDGED, "conn_bridged", "connections not followed because the packet is bridged or has no route") \
	R(CONN_NO_SYN, "conn_no_syn", "connections not followed because their SYN was not seen") \
	R(CONN_SYN_DATA, "conn_syn_data", "connections not followed because of data in the SYN") \
	R(CONN_TCP_OPTION, "conn_tcp_option", "connections not followed because of a TCP MD5, AO or MPTCP option") \
	R(CONN_SEQADJ, "conn_seqadj", "connections not followed because someone else adjusts their sequence numbers, or no seqadj extension was to be had") \
	R(CONN_NOMEM, "conn_nomem", "connections not followed for want of memory") \
	R(CONN_HANDED_OVER, "conn_handed_over", "connections that lost their helper, and whose numbers conntrack adjusts by itself now") \
	/* why a followed connection became opaque */			\
	R(OPAQUE_NOT_SIP, "opaque_not_sip", "connections opaque: a direction does not speak SIP") \
	R(OPAQUE_START_LINE, "opaque_start_line", "connections opaque: a start line was expected and something else came") \
	R(OPAQUE_HEADER_SIZE, "opaque_header_size", "connections opaque: header block longer than header_max") \
	R(OPAQUE_NO_CLEN, "opaque_no_clen", "connections opaque: message without Content-Length") \
	R(OPAQUE_BAD_CLEN, "opaque_bad_clen", "connections opaque: Content-Length is not one number") \
	R(OPAQUE_HOLD_TIMEOUT, "opaque_hold_timeout", "connections opaque: a message was not completed within hold_timeout") \
	R(OPAQUE_HOLD_MAX, "opaque_hold_max", "connections opaque: more bytes to keep than hold_max") \
	R(OPAQUE_WINDOW, "opaque_window", "connections opaque: the receiver's window is smaller than a message") \
	R(OPAQUE_NOMEM, "opaque_nomem", "connections opaque: no memory for their messages, again and again") \
	R(OPAQUE_MEM, "opaque_mem", "connections opaque: they held most when mem_max or mem_total was reached") \
	R(OPAQUE_SHARE, "opaque_share", "connections opaque: they held most of a host that has its share of mem_max") \
	R(OPAQUE_FIN, "opaque_fin", "connections opaque: FIN in the middle of a message") \
	R(OPAQUE_RST, "opaque_rst", "connections opaque: an end reset them") \
	R(OPAQUE_URGENT, "opaque_urgent", "connections opaque: urgent data") \
	R(OPAQUE_ONE_SIDED, "opaque_one_sided", "connections opaque: one direction is not seen here") \
	R(OPAQUE_NEW_SYN, "opaque_new_syn", "connections opaque: another SYN on a live connection") \
	R(OPAQUE_TRAVERSAL, "opaque_traversal", "connections opaque: a packet of theirs is bridged, local or without a route") \
	R(OPAQUE_SETTING, "opaque_setting", "connections opaque: helper switched off or unloaded") \
	R(RESET_ON_ERROR, "reset_on_error", "connections reset instead of going opaque, because of on_error") \
	R(RESET_MEM, "reset_mem", "connections reset because their receivers did not take what they held, while memory was short") \
	/* memory */							\
	R(MEM_MAX, "mem_max", "requests for memory refused because mem_max is reached") \
	R(MEM_TOTAL, "mem_total", "requests for memory refused because mem_total is reached") \
	R(MEM_SHARE, "mem_share", "requests for memory refused because an inside host has its share of mem_max") \
	R(MEM_RETIRED, "mem_retired", "opaque connections left to conntrack to have their memory") \
	/* segments */							\
	R(SEG_HELD, "seg_held", "segments whose bytes were held back") \
	R(SEG_CARRY, "seg_carry", "segments that carried rewritten text") \
	R(SEG_TRIMMED, "seg_trimmed", "held segments that went on as an empty ACK") \
	R(SEG_REPEAT, "seg_repeat", "repeated segments answered from retained bytes") \
	R(SEG_STALE, "seg_stale", "repeated segments below the receiver's acknowledgement, stripped") \
	R(SEG_OUT_OF_ORDER, "seg_out_of_order", "segments that came out of order, stored until it is their turn") \
	R(SEG_NOT_STORED, "seg_not_stored", "segments that came out of order and found no room, to be repeated by the sender") \
	R(SEG_OLD_TIMESTAMP, "seg_old_timestamp", "segments whose timestamp says they are from long ago (PAWS), not looked at") \
	R(SEG_OUT_OF_WINDOW, "seg_out_of_window", "segments outside our window, not looked at") \
	R(SEG_NOMEM, "seg_nomem", "segments dropped for want of memory, to be repeated by the sender") \
	R(SEG_BACKLOG, "seg_backlog", "segments dropped because too much waits for the receiver already, to be repeated") \
	R(SEG_BAD, "seg_bad", "packets with the helper attached that are not TCP segments it can read") \
	R(ACK_SPOOFED, "ack_spoofed", "acknowledgements sent in the receiver's name") \
	R(ACK_CLAMPED, "ack_clamped", "acknowledgements for bytes never sent, lowered") \
	R(EMIT, "emit", "segments sent from retained bytes")		\
	R(EMIT_RESENT, "emit_resent", "segments sent again after a loss") \
	R(EMIT_PROBE, "emit_probe", "segments without bytes that ask a receiver for its window") \
	R(EMIT_FAILED, "emit_failed", "segments of ours that found no route or no memory") \
	R(LOSS_FAST, "loss_fast", "losses told by three duplicate acknowledgements") \
	R(LOSS_TIMEOUT, "loss_timeout", "losses told by a time-out of ours") \
	R(CUT_HALVED, "cut_halved", "segments of ours halved because two time-outs in a row met them") \
	R(RESET, "reset", "connections reset because bytes could not be delivered") \
	R(RESET_UNLOAD, "reset_unload", "of these, connections that lost their helper with bytes on their way") \
	/* ICMP errors about segments */				\
	R(ICMP_TRANSLATED, "icmp_translated", "ICMP errors whose quoted sequence number was translated back") \
	R(ICMP_CUT, "icmp_cut", "ICMP errors that made segments of ours smaller") \
	R(ICMP_STALE, "icmp_stale", "ICMP errors about the size of segments that are not on their way, passed on and not acted upon") \
	/* messages */							\
	R(MSG_REQUEST, "msg_request", "SIP requests framed")		\
	R(MSG_RESPONSE, "msg_response", "SIP responses framed")	\
	R(MSG_REWRITTEN, "msg_rewritten", "messages changed")		\
	R(MSG_UNPARSED, "msg_unparsed", "framed messages that could not be parsed and passed unchanged") \
	R(HDR_UNPARSED, "hdr_unparsed", "header values that could not be parsed and passed unchanged") \
	R(MSG_TOO_COMPLEX, "msg_too_complex", "messages with more headers or changes than there is room for, passed unchanged") \
	R(MSG_BODY_TOO_LARGE, "msg_body_too_large", "messages whose body is longer than body_max: body passed unchanged") \
	R(MULTIPART_UNPARSED, "multipart_unparsed", "multipart bodies that could not be taken apart, or have more than four descriptions, and passed unchanged") \
	R(MSG_NOMEM, "msg_nomem", "messages passed unchanged for want of memory") \
	R(MSG_IDENTITY, "msg_identity", "changed messages that carry a signature over what changed (Identity)") \
	R(KEEPALIVE, "keepalive", "CRLF keep-alives passed (RFC 5626)") \
	R(SDP_REWRITTEN, "sdp_rewritten", "SDP bodies changed")		\
	R(SDP_UNPARSED, "sdp_unparsed", "SDP bodies that could not be parsed and passed unchanged") \
	R(SDP_FOREIGN, "sdp_foreign", "SDP media left alone because its address is not the signalling host's") \
	R(SDP_ENCODED, "sdp_encoded", "bodies left alone because they are signed, encrypted or encoded") \
	R(SDP_NO_PORT, "sdp_no_port", "SDP bodies left alone because no public port was to be had") \
	R(SDP_ICE, "sdp_ice", "SDP bodies left alone because they carry ICE candidates") \
	R(SDP_NOT_UDP, "sdp_not_udp", "SDP media left alone because they do not run over UDP") \
	R(SDP_NO_CALL, "sdp_no_call", "SDP bodies left alone because they belong to no call that is followed") \
	R(SDP_OFF, "sdp_off", "SDP bodies left alone because media_filter is off") \
	R(SDP_DENIED, "sdp_denied", "SDP media left alone because no door may lead to its port") \
	/* calls and doors */						\
	R(CALL_NEW, "call_new", "calls begun")			\
	R(CALL_ENDED, "call_ended", "calls ended by signalling")	\
	R(CALL_FAILED, "call_failed", "calls that ended without an answer") \
	R(CALL_CHALLENGED, "call_challenged", "calls whose INVITE was challenged (401, 407); the next INVITE begins them anew") \
	R(CALL_TIMEOUT, "call_timeout", "calls ended by a time-out")	\
	R(CALL_LIMIT, "call_limit", "calls not followed because calls_max or doors_per_call is reached") \
	R(CALL_SHARE, "call_share", "calls not followed because an inside host has its share of calls_max") \
	R(CALL_NOMEM, "call_nomem", "calls not followed for want of memory") \
	R(CALL_FLUSHED, "call_flushed", "calls ended because the helper was switched off or its namespace went") \
	R(CALL_DOORLESS, "call_doorless", "calls whose doors someone else deleted") \
	R(BYE_REFUSED, "bye_refused", "BYEs answered with a challenge or failure: call goes on") \
	R(BINDING_NEW, "binding_new", "bindings asked for by REGISTER") \
	R(BINDING_GRANTED, "binding_granted", "bindings granted by their registrar") \
	R(BINDING_REFRESHED, "binding_refreshed", "bindings granted once more") \
	R(BINDING_REMOVED, "binding_removed", "bindings removed, or not listed any more, by their registrar") \
	R(BINDING_EXPIRED, "binding_expired", "bindings that were not refreshed in time") \
	R(BINDING_FAILED, "binding_failed", "registrations refused (challenges apart) or not answered") \
	R(BINDING_LIMIT, "binding_limit", "bindings not followed because bindings_max, or what one user may have, is reached") \
	R(BINDING_SHARE, "binding_share", "bindings not followed because an inside host has its share of bindings_max") \
	R(BINDING_NOMEM, "binding_nomem", "bindings not followed for want of memory") \
	R(BINDING_FLUSHED, "binding_flushed", "bindings ended because the helper was switched off or its namespace went") \
	R(CONTACT_NO_DOOR, "contact_no_door", "Contacts that got no signalling door: they say the port of their connection") \
	R(DOOR_RESERVED, "door_reserved", "public ports reserved")	\
	R(DOOR_OPENED, "door_opened", "doors opened")		\
	R(DOOR_CLOSED, "door_closed", "doors closed")		\
	R(DOOR_PORT_CHANGED, "door_port_changed", "doors whose public port differs from the inside port") \
	R(DOOR_EXPECT_FULL, "door_expect_full", "doors refused by the kernel: expectation table full") \
	R(DOOR_FAILED, "door_failed", "doors that could not be made")	\
	R(DOOR_FORWARDED, "door_forwarded", "public ports passed over because a rule forwards them") \
	R(DOOR_USED, "door_used", "flows that came in through a door")	\
	R(DOOR_BOUND, "door_bound", "flows from inside bound to their advertised port") \
	R(DOOR_HAIRPIN, "door_hairpin", "flows between two inside hosts by way of a public address") \
	R(DOOR_CLASH, "door_clash", "flows of a door that got another port because of a running flow") \
	R(DOOR_SHUT, "door_shut", "packets dropped at a door that is not open for their sender") \
	R(DOOR_STALE, "door_stale", "unanswered flows removed because they were in the way of a door") \
	R(DOOR_FOREIGN_EXPECT, "door_foreign_expect", "expectations that name this helper's function without being its own") \
	R(DOOR_AWAY, "door_away", "doors shut because this host has lost their public address") \
	R(DOOR_BACK, "door_back", "doors that are back with their public address")

#define NST_REASON_ENUM(id, name, meaning) NST_R_##id,
enum nst_reason {
	NST_REASONS(NST_REASON_ENUM)
	NST_R_MAX,
};
#undef NST_REASON_ENUM

#endif
