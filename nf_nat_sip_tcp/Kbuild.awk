# SPDX-License-Identifier: GPL-2.0-only
# Reads the preprocessed netfilter headers of the kernel that is built for and
# prints -DNST_HAVE_... for what they have.  Debian's stable updates bring API
# changes back into older trees, so no version number says it.  An API in a
# form that is not known here becomes -DNST_UNKNOWN_..., and compat.h names it.

function have(what) { flags = flags " -DNST_HAVE_" what }
function unknown(what) { flags = flags " -DNST_UNKNOWN_" what }

# The body of a struct, or the declaration that matches.
function part(re)
{
	return match(text, re) ? substr(text, RSTART, RLENGTH) : ""
}

# Line markers name the header that follows; most headers are of no interest.
/^# [0-9]+ "/ { wanted = $3 ~ /\/nf_conntrack[a-z_]*\.h"|\/linux\/netfilter\.h"|\/linux\/timer\.h"|\/inet_hashtables\.h"|\/linux\/skbuff\.h"/; next }
wanted { text = text " " $0 }

END {
	gsub(/[ \t]+/, " ", text)
	helper = part("struct nf_conntrack_helper \\{[^}]*\\}")
	expect = part("struct nf_conntrack_expect \\{.*struct callback_head rcu; ?\\}")
	sub(/\} ?; ?static inline.*/, "", expect)

	d = part("int nf_conntrack_helper_register\\([^)]*\\)")
	if (d ~ /\(struct nf_conntrack_helper \*[a-z_]*, ?struct nf_conntrack_helper \*\*[a-z_]*\)/)
		have("HELPER_COPY")
	else if (d !~ /\(struct nf_conntrack_helper \*[a-z_]*\)/)
		unknown("nf_conntrack_helper_register")

	d = part("void nf_ct_helper_init\\(.*struct module \\*[a-z_]*\\)")
	if (d ~ /u8 l3num, ?u16 protonum, ?const char \*name, ?const struct nf_conntrack_expect_policy \*[a-z_]*, ?u32 expect_class_max, ?int \(\*help\)/)
		have("HELPER_NO_PORTS")
	else if (d !~ /u16 l3num, ?u16 protonum, ?const char \*name, ?u16 default_port, ?u16 spec_port, ?u32 id, ?const struct nf_conntrack_expect_policy \*/)
		unknown("nf_ct_helper_init")

	if (helper ~ /; struct nf_conntrack_expect_policy expect_policy\[/)
		have("POLICY_ARRAY")
	else if (helper !~ /const struct nf_conntrack_expect_policy \*expect_policy;/)
		unknown("expect_policy")

	if (helper ~ /refcount_t ct_refcnt;/)
		have("HELPER_CT_REFCNT")
	if (helper !~ /void \(\*destroy\)\(struct nf_conn \*[a-z]*\);/)
		unknown("nf_conntrack_helper_destroy")

	if (expect ~ /nf_conntrack_helper [^;]*\*assign_helper;/)
		have("EXP_ASSIGN_HELPER")

	if (expect ~ /u32 timeout;/)
		have("EXP_TIMEOUT_U32")
	else if (expect !~ /struct timer_list timeout;/)
		unknown("expect_timeout")

	if (text ~ /int nf_ct_expect_related_pair\(/)
		have("EXPECT_RELATED_PAIR")

	d = part("void nf_ct_refresh\\([^)]*\\)")
	if (d ~ /\(struct nf_conn \*ct, ?u32 [a-z_]*\)/)
		have("REFRESH_NO_SKB")
	else if (d !~ /\(struct nf_conn \*ct, ?const struct sk_buff \*skb, ?u32 [a-z_]*\)/)
		unknown("nf_ct_refresh")

	# As a hook function it samples IPS_SEQ_ADJUST before help(), as a
	# function of a packet after it; the signature tells which.
	d = part("unsigned int nf_confirm\\([^)]*\\)")
	if (d ~ /\(void \*priv, ?struct sk_buff \*skb, ?const struct nf_hook_state \*[a-z]*\)/)
		have("CONFIRM_HOOK")
	else if (d !~ /\(struct sk_buff \*skb, ?unsigned int protoff, ?struct nf_conn \*ct, ?enum ip_conntrack_info [a-z]*\)/)
		unknown("nf_confirm")

	if (text !~ /void nf_ct_iterate_destroy\(int \(\*iter\)\(struct nf_conn \*[a-z]*, ?void \*data\), ?void \*data\)/)
		unknown("nf_ct_iterate_destroy")

	if (text ~ /void call_rcu_hurry\(struct rcu_head/)
		have("CALL_RCU_HURRY")

	d = part("struct sock \\*__inet_lookup_listener\\([^)]*\\)")
	if (d ~ /\((const )?struct net \*net, ?struct inet_hashinfo \*[a-z]*, ?struct sk_buff \*/)
		have("LISTENER_HASHINFO")
	else if (d !~ /\((const )?struct net \*net, ?struct sk_buff \*[a-z]*, ?int doff, ?const __be32 /)
		unknown("inet_lookup_listener")

	if (text ~ /NF_HOOK_OP_NAT,/)
		have("HOOK_OP_NAT")

	if (text ~ /SKB_GSO_TCP_ACCECN/)
		have("GSO_ACCECN")

	if (text ~ /int timer_delete\(struct timer_list/)
		have("TIMER_DELETE")

	print flags
}
