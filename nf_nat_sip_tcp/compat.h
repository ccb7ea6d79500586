/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that differs between the kernels this module builds for.  NST_HAVE_...
 * comes from probes of the installed headers (Kbuild.awk), never from a
 * version number; everything else is written as if for the newest kernel.
 */
#ifndef NF_NAT_SIP_TCP_COMPAT_H
#define NF_NAT_SIP_TCP_COMPAT_H

#include <linux/rcupdate.h>
#include <linux/timer.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip6_fib.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_expect.h>
#include <net/netfilter/nf_conntrack_helper.h>
#include <net/tcp.h>

#ifdef NST_UNKNOWN_nf_conntrack_helper_register
#error "this kernel's nf_conntrack_helper_register() has a form that is not known"
#endif
#ifdef NST_UNKNOWN_nf_ct_helper_init
#error "this kernel's nf_ct_helper_init() is missing or has a form that is not known"
#endif
#ifdef NST_UNKNOWN_nf_conntrack_helper_destroy
#error "this kernel's struct nf_conntrack_helper has no destroy() of a known form"
#endif
#ifdef NST_UNKNOWN_expect_policy
#error "this kernel's struct nf_conntrack_helper has no expect_policy of a known form"
#endif
#ifdef NST_UNKNOWN_expect_timeout
#error "this kernel's struct nf_conntrack_expect has no timeout of a known form"
#endif
#ifdef NST_UNKNOWN_nf_ct_refresh
#error "this kernel's nf_ct_refresh() has a form that is not known"
#endif
#ifdef NST_UNKNOWN_nf_confirm
#error "this kernel's nf_confirm() has a form that is not known"
#endif
#ifdef NST_UNKNOWN_nf_ct_iterate_destroy
#error "this kernel's nf_ct_iterate_destroy() has a form that is not known"
#endif
#ifdef NST_UNKNOWN_inet_lookup_listener
#error "this kernel's __inet_lookup_listener() has a form that is not known"
#endif

#if !IS_ENABLED(CONFIG_NF_NAT)
#error "this kernel is built without NAT (CONFIG_NF_NAT)"
#endif

/* As nf_ct_helper_init(), of a helper that is attached to no port by conntrack. */
static inline void nst_helper_setup(struct nf_conntrack_helper *helper, u8 l3num,
				    const char *name,
				    const struct nf_conntrack_expect_policy *policy,
				    int (*help)(struct sk_buff *skb, unsigned int protoff,
						struct nf_conn *ct,
						enum ip_conntrack_info ctinfo))
{
#ifdef NST_HAVE_HELPER_NO_PORTS
	nf_ct_helper_init(helper, l3num, IPPROTO_TCP, name, policy, 0, help, NULL,
			  THIS_MODULE);
#else
	nf_ct_helper_init(helper, l3num, IPPROTO_TCP, name, 0, 0, 0, policy, 0, help,
			  NULL, THIS_MODULE);
#endif
}

/* Registers; *copy is the helper that connections will point to. */
static inline int nst_helper_register(struct nf_conntrack_helper *helper,
				      struct nf_conntrack_helper **copy)
{
#ifdef NST_HAVE_HELPER_COPY
	return nf_conntrack_helper_register(helper, copy);
#else
	*copy = helper;
	return nf_conntrack_helper_register(helper);
#endif
}

/* Memory that waits for its grace period counts: it must not wait long. */
static inline void nst_call_rcu(struct rcu_head *head, rcu_callback_t func)
{
#ifdef NST_HAVE_CALL_RCU_HURRY
	call_rcu_hurry(head, func);
#else
	call_rcu(head, func);
#endif
}

/* A reference for a connection whose help->helper is about to be set. */
static inline bool nst_helper_hold(struct nf_conntrack_helper *helper)
{
#ifdef NST_HAVE_HELPER_CT_REFCNT
	return refcount_inc_not_zero(&helper->ct_refcnt);
#else
	return true;
#endif
}

/* Gives it back. */
static inline void nst_helper_release(struct nf_conntrack_helper *helper)
{
#ifdef NST_HAVE_HELPER_CT_REFCNT
	if (refcount_dec_and_test(&helper->ct_refcnt))
		kfree_rcu(helper, rcu);
#endif
}

/* New end of life of a confirmed connection. */
static inline void nst_ct_refresh(struct nf_conn *ct, const struct sk_buff *skb,
				  u32 extra_jiffies)
{
#ifdef NST_HAVE_REFRESH_NO_SKB
	nf_ct_refresh(ct, extra_jiffies);
#else
	nf_ct_refresh(ct, skb, extra_jiffies);
#endif
}

#ifdef NST_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* What the hook function of NAT, which runs all its chains, says that it is. */
#ifdef NST_HAVE_HOOK_OP_NAT
#define NST_HOOK_OP_NAT NF_HOOK_OP_NAT
#else
#define NST_HOOK_OP_NAT NF_HOOK_OP_UNDEFINED
#endif

/*
 * A packet with CWR that is cut: RFC 3168 wants the flag in the first segment
 * only, in AccECN (RFC 9768) it is one bit of a number that all of them carry.
 * As GRO does: where the kernel knows of both, what came is left in all.
 */
#ifdef NST_HAVE_GSO_ACCECN
#define NST_GSO_CWR SKB_GSO_TCP_ACCECN
#else
#define NST_GSO_CWR SKB_GSO_TCP_ECN
#endif

/* RFC 5925; has no name in older headers. */
#ifndef TCPOPT_AO
#define TCPOPT_AO 29
#endif

#ifndef NST_HAVE_TIMER_DELETE
#define timer_delete(t) del_timer(t)
#endif

/* What dst_check() wants to know of an IPv6 route. */
static inline u32 nst_dst6_cookie(struct dst_entry *dst)
{
	return rt6_get_cookie(container_of(dst, struct rt6_info, dst));
}

/* Was it removed, and only waits to be reaped? */
static inline bool nst_expect_dead(const struct nf_conntrack_expect *exp)
{
#ifdef NST_HAVE_EXP_TIMEOUT_U32
	return nf_ct_exp_is_expired(exp);
#else
	return false;
#endif
}

/* The same of one that somebody has found; then it may be out of the table, too. */
static inline bool nst_expect_removed(const struct nf_conntrack_expect *exp)
{
#ifdef NST_HAVE_EXP_TIMEOUT_U32
	return nf_ct_exp_is_expired(exp);
#else
	return !timer_pending(&exp->timeout);
#endif
}

/* Out of the table at once; expectation lock held. */
static inline void nst_expect_remove(struct nf_conntrack_expect *exp)
{
#ifdef NST_HAVE_EXP_TIMEOUT_U32
	nf_ct_unlink_expect(exp);
#else
	nf_ct_remove_expect(exp);
#endif
}

/*
 * It was inserted and has the time-out of the helper's policy: a permanent
 * expectation ends by it like any other.
 */
static inline void nst_expect_outlive(struct nf_conntrack_expect *exp, u32 secs)
{
#ifdef NST_HAVE_EXP_TIMEOUT_U32
	WRITE_ONCE(exp->timeout, nfct_time_stamp + secs * HZ);
#else
	mod_timer_pending(&exp->timeout, jiffies + secs * HZ);
#endif
}

/*
 * The helper of its flows, or NULL: they get no helper extension then.
 * nf_ct_expect_init() was called.
 */
static inline void nst_expect_helper(struct nf_conntrack_expect *exp,
				     struct nf_conntrack_helper *helper)
{
#ifdef NST_HAVE_EXP_ASSIGN_HELPER
	rcu_assign_pointer(exp->assign_helper, helper);
#else
	/* The one field means both.  Unregistering a helper does not find
	 * expectations without one: the anchors, and they with them, are
	 * deleted before.
	 */
	rcu_assign_pointer(exp->helper, helper);
#endif
}

/* Who listens there on this host, for what comes in by that device; under RCU. */
static inline struct sock *nst_listener4(struct net *net, __be32 addr, __be16 port,
					 int dif)
{
#ifdef NST_HAVE_LISTENER_HASHINFO
	return __inet_lookup_listener(net, net->ipv4.tcp_death_row.hashinfo, NULL, 0,
				      0, 0, addr, ntohs(port), dif, 0);
#else
	return __inet_lookup_listener(net, NULL, 0, 0, 0, addr, ntohs(port), dif, 0);
#endif
}

#if IS_ENABLED(CONFIG_IPV6)
static inline struct sock *nst_listener6(struct net *net, const struct in6_addr *addr,
					 __be16 port, int dif)
{
#ifdef NST_HAVE_LISTENER_HASHINFO
	return inet6_lookup_listener(net, net->ipv4.tcp_death_row.hashinfo, NULL, 0,
				     &in6addr_any, 0, addr, ntohs(port), dif, 0);
#else
	return inet6_lookup_listener(net, NULL, 0, &in6addr_any, 0, addr, ntohs(port),
				     dif, 0);
#endif
}
#endif

#endif
