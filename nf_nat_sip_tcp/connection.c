// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a connection object, and the one place where a step of the core is
 * taken and its actions are carried out.
 *
 * Life: made for the first data, found by the pointer in the helper's private
 * data, which is set by cmpxchg() and taken by xchg() in destroy().  Whoever
 * takes the object out of life (conntrack's destroy(), the end of the
 * namespace, unload, the reaper) drops the reference of that pointer.  Packets
 * use it under RCU and look at @life under the lock.  An armed timer has a
 * reference, so nobody ever waits for it: destroy() may be called from within
 * a packet that the timer itself sends.
 *
 * Locks: list of connections, connection, then calls, then gates, then ct->lock or expectations.
 */
#include <linux/atomic.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include <nf_nat_sip_tcp/natmap.h>

#include "compat.h"
#include "connection.h"
#include "door.h"
#include "memory.h"
#include "natmap.h"
#include "tracepoints.h"

/* In /proc/slabinfo under its own name, where the kernel can do that. */
#ifdef SLAB_NO_MERGE
#define CACHE_FLAGS SLAB_NO_MERGE
#else
#define CACHE_FLAGS 0
#endif

static struct kmem_cache *cache __read_mostly;
static atomic64_t last_id = ATOMIC64_INIT(0);

/*
 * The actions of a step are too large for the stack, and larger than a connection
 * without them.  The lock is for kernels whose softirqs can be preempted.
 */
struct scratch {
	spinlock_t lock;
	struct nst_out out;
};

static struct scratch __percpu *scratch __read_mostly;

void nst_connection_lock(struct nst_connection *c) __acquires(&c->lock)
{
	struct scratch *s;

	spin_lock_bh(&c->lock);
	s = raw_cpu_ptr(scratch);
	spin_lock(&s->lock);
	/* For sparse: one context is enough to follow. */
	__release(&s->lock);
	c->out = &s->out;
}

void nst_connection_unlock(struct nst_connection *c) __releases(&c->lock)
{
	struct scratch *s = container_of(c->out, struct scratch, out);

	c->out = NULL;
	__acquire(&s->lock);
	spin_unlock(&s->lock);
	spin_unlock_bh(&c->lock);
}

static void connection_free(struct rcu_head *rcu)
{
	struct nst_connection *c = container_of(rcu, struct nst_connection, rcu);
	struct nst_inside *host = c->host;
	struct nst_net *nn = c->nn;

	kmem_cache_free(cache, c);
	nst_uncharge(nn, host, kmem_cache_size(cache));
	nst_inside_put(host);
	atomic_dec(&nn->nr_conns);
}

void nst_connection_put(struct nst_connection *c)
{
	if (!refcount_dec_and_test(&c->refs))
		return;
	nf_ct_put(c->ct);
	nst_call_rcu(&c->rcu, connection_free);
}

u32 nst_connection_mem(const struct nst_connection *c)
{
	return kmem_cache_size(cache) + READ_ONCE(c->core.account.used);
}

/* The timer wheel turns in jiffies, and nst_now() with it. */
static void arm(struct nst_connection *c, u64 due)
{
	u64 now = nst_now();
	unsigned int ms = due > now ? min_t(u64, due - now, MSEC_PER_SEC * 3600) : 0;

	if (!mod_timer(&c->timer, jiffies + max(msecs_to_jiffies(ms), 1UL)))
		refcount_inc(&c->refs);
}

static void publish(struct nf_conn *ct, u8 dir, const struct nst_publish *pub)
{
	struct nf_conn_seqadj *ext = nfct_seqadj(ct);

	if (!pub->changed || !ext)
		return;
	spin_lock_bh(&ct->lock);
	ext->seq[dir].correction_pos = pub->correction_pos;
	ext->seq[dir].offset_before = pub->offset_before;
	ext->seq[dir].offset_after = pub->offset_after;
	spin_unlock_bh(&ct->lock);
}

static void emit(struct nst_connection *c, const struct nst_emit *e,
		 struct sk_buff_head *queue)
{
	bool failed = !nst_emit_build(c->nn->net, &c->path[e->to], e, queue);

	trace_sip_emit(c->core.id, e, failed);
	if (failed)
		nst_count(&c->nn->env, NST_R_EMIT_FAILED);
}

/* What a step wants, except the packet's own verdict and c->out.work. */
void nst_connection_act(struct nst_connection *c, struct sk_buff_head *queue)
{
	const struct nst_out *out = c->out;
	u8 i;

	lockdep_assert_held(&c->lock);
	for (i = 0; i < 2; i++)
		publish(c->ct, i, &out->publish[i]);
	for (i = 0; i < out->nr_emit; i++)
		emit(c, &out->emit[i], queue);
	if (out->timer)
		arm(c, out->timer);
	if (out->closing)
		nf_ct_set_closing(&c->ct->ct_general);
}

static void on_timer(struct timer_list *t)
{
	struct nst_connection *c = container_of(t, struct nst_connection, timer);
	struct nst_work work = { NULL };
	struct sk_buff_head queue;

	__skb_queue_head_init(&queue);
	nst_connection_lock(c);
	if (c->life == NST_LIFE_LIVE) {
		step_timer(&c->core, nst_now(), c->out);
		nst_connection_act(c, &queue);
		nst_rank(c);
		work = c->out->work;
	}
	nst_connection_unlock(c);
	nst_emit_send(c->nn->net, &queue);
	if (work.first)
		nst_door_work(c->nn, &work);
	nst_connection_put(c);
}

/* To the end that is translated; where both are, to who began it. */
static int charge(struct nst_net *nn, struct nst_connection *c)
{
	const struct nst_natmap *map = &c->core.map;
	u8 end = !natmap_translates(map, 0) && natmap_translates(map, 1);
	struct nst_host *host;
	int err;

	host = nst_ops_host_get(&nn->env, &map->end[end].inside.addr, c->core.zone);
	if (!host)
		return nst_mem_try_later(nn, NULL) ? -EAGAIN : -ENOMEM;
	c->host = nst_inside_of(host);
	c->core.account.host = host;
	c->core.account.conn = true;
	if (nst_charge(nn, c->host, kmem_cache_size(cache), NST_CLAIM_SMALL))
		return 0;
	err = nst_mem_try_later(nn, c->host) ? -EAGAIN : -ENOMEM;
	nst_inside_put(c->host);
	return err;
}

struct nst_connection *nst_connection_alloc(struct nf_conn *ct)
{
	static const struct nst_natmap no_map;
	struct nst_net *nn = nst_pernet(nf_ct_net(ct));
	struct nst_connection *c;
	int err;

	c = kmem_cache_zalloc(cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!c)
		return ERR_PTR(-ENOMEM);
	conn_init(&c->core, &nn->env, atomic64_inc_return(&last_id),
		  nf_ct_zone(ct)->id, &no_map);
	nst_tuples_to_map(ct, &c->core.map);
	err = charge(nn, c);
	if (err) {
		kmem_cache_free(cache, c);
		return ERR_PTR(err);
	}
	c->core.owner = ct;
	spin_lock_init(&c->lock);
	INIT_LIST_HEAD(&c->by_net);
	INIT_LIST_HEAD(&c->by_host);
	timer_setup(&c->timer, on_timer, 0);
	refcount_set(&c->refs, 1);
	INIT_LIST_HEAD(&c->list);
	c->nn = nn;
	c->ct = ct;
	nf_conntrack_get(&ct->ct_general);
	atomic_inc(&nn->nr_conns);
	return c;
}

void nst_connection_discard(struct nst_connection *c)
{
	conn_free(&c->core);
	nst_path_drop(&c->path[1]);
	nst_connection_put(c);
}

static void list_out(struct nst_connection *c)
{
	spin_lock_bh(&c->nn->conns_lock);
	list_del_init(&c->list);
	spin_unlock_bh(&c->nn->conns_lock);
}

struct nst_connection *nst_connection_install(struct nst_connection *c,
					      struct nst_private *priv,
					      unsigned long link)
{
	struct nst_net *nn = c->nn;
	unsigned long now = 0;
	bool closing;

	/* Who finds it in the list must find it in the private data, too. */
	spin_lock_bh(&nn->conns_lock);
	closing = nn->closing;
	if (!closing)
		now = cmpxchg(&priv->link, link, (unsigned long)c);
	if (!closing && now == link) {
		c->serial = ++nn->last_serial;
		list_add_tail(&c->list, &nn->conns);
	}
	spin_unlock_bh(&nn->conns_lock);
	if (!closing && now == link) {
		dst_release(nst_link_route(link));
		nst_net_start_tick(nn);
		return c;
	}
	nst_connection_discard(c);
	return closing ? NULL : nst_link_connection(now);
}

static void reset_at(struct nst_connection *c, u8 to, u32 seq,
		     struct sk_buff_head *queue)
{
	struct nst_emit e = {
		.to = to, .rst = true, .seq = seq,
		.ack = c->core.flow[!to].acked,
	};

	emit(c, &e, queue);
}

/* Not a step of the core: that takes locks which who calls destroy() may hold. */
void nst_connection_reset(struct nst_connection *c, struct sk_buff_head *queue)
{
	u32 seq[2];
	u8 to, i;

	lockdep_assert_held(&c->lock);
	nst_count(&c->nn->env, NST_R_RESET);
	for (to = 0; to < 2; to++)
		for (i = 0; i < conn_reset_seq(&c->core, to, seq); i++)
			reset_at(c, to, seq[i], queue);
	nf_ct_set_closing(&c->ct->ct_general);
}

/* Without us its bytes would go missing, or come twice, unnoticed. */
bool nst_connection_must_reset(const struct nst_connection *c)
{
	u8 state = c->ct->proto.tcp.state;

	if (c->life > NST_LIFE_HANDOVER)
		return false;
	/* The last FIN, too, may wait behind bytes that only we have. */
	if (state == TCP_CONNTRACK_LAST_ACK)
		return conn_owes(&c->core);
	return conn_depends(&c->core) &&
	       state >= TCP_CONNTRACK_SYN_RECV && state <= TCP_CONNTRACK_CLOSE_WAIT;
}

static bool make_dead(struct nst_connection *c, struct sk_buff_head *reset)
{
	bool first = c->life != NST_LIFE_DEAD;

	if (!first)
		return false;
	if (reset && nst_connection_must_reset(c))
		nst_connection_reset(c, reset);
	WRITE_ONCE(c->life, NST_LIFE_DEAD);
	conn_free(&c->core);
	nst_path_drop(&c->path[0]);
	nst_path_drop(&c->path[1]);
	return true;
}

/* The first one to come here drops the reference of the installed pointer. */
void nst_connection_end(struct nst_connection *c, struct sk_buff_head *reset)
{
	bool first;

	spin_lock_bh(&c->lock);
	first = make_dead(c, reset);
	spin_unlock_bh(&c->lock);
	if (!first)
		return;
	nst_rank_out(c);
	list_out(c);
	if (timer_delete(&c->timer))
		nst_connection_put(c);
	nst_connection_put(c);
}

/* A connection that changed its way is not looked into any more. */
static void check_detour(struct nst_connection *c, const struct nst_packet *p,
			 struct sk_buff_head *queue)
{
	if (c->core.state == NST_CONN_OPAQUE)
		return;
	step_opaque(&c->core, NST_R_OPAQUE_TRAVERSAL, nst_now(), c->out);
	nst_connection_act(c, queue);
}

static unsigned int segment_locked(struct nst_connection *c, struct nst_packet *p,
				   struct sk_buff_head *queue)
{
	bool routed = nst_packet_detour(p->skb) == NST_R_MAX;
	unsigned int verdict;

	if (c->life != NST_LIFE_LIVE)
		return NF_DROP;
	if (!routed)
		check_detour(c, p, queue);
	if (conn_wants_payload(&c->core, p->seg.dir) && !nst_packet_payload(p)) {
		nst_count(&c->nn->env, NST_R_SEG_NOMEM);
		return NF_DROP;
	}
	step_segment(&c->core, &p->seg, nst_now(), c->out);
	verdict = nst_packet_apply(p, c->out);
	trace_sip_segment(c->core.id, &p->seg, c->out, verdict != NF_ACCEPT);
	if (routed)
		nst_path_learn(&c->path[p->seg.dir], p);
	nst_connection_act(c, queue);
	return verdict;
}

unsigned int nst_connection_segment(struct nst_connection *c, struct nst_packet *p)
{
	/* One that dies this moment may have an offset: its packet comes again. */
	unsigned int verdict = NF_DROP;
	struct nst_work work = { NULL };
	struct sk_buff_head queue;

	__skb_queue_head_init(&queue);
	nst_connection_lock(c);
	if (c->life != NST_LIFE_DEAD) {
		c->out->work.first = NULL;
		verdict = segment_locked(c, p, &queue);
		nst_rank(c);
		WRITE_ONCE(c->plain, conn_plain(&c->core));
		work = c->out->work;
	}
	nst_connection_unlock(c);
	nst_emit_send(c->nn->net, &queue);
	if (work.first)
		nst_door_work(c->nn, &work);
	return verdict;
}

void nst_connection_forget(struct nst_connection *c, unsigned long link,
			   struct sk_buff_head *reset)
{
	struct nst_private *priv = nst_private(c->ct);

	if (priv)
		cmpxchg(&priv->link, (unsigned long)c, link);
	nst_connection_end(c, reset);
	nst_connection_put(c);
}

int nst_connections_init(void)
{
	int cpu;

	cache = kmem_cache_create("nf_nat_sip_tcp", sizeof(struct nst_connection), 0,
				  CACHE_FLAGS, NULL);
	if (!cache)
		return -ENOMEM;
	scratch = alloc_percpu(struct scratch);
	if (!scratch) {
		kmem_cache_destroy(cache);
		return -ENOMEM;
	}
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(scratch, cpu)->lock);
	return 0;
}

void nst_connections_exit(void)
{
	free_percpu(scratch);
	kmem_cache_destroy(cache);
}
