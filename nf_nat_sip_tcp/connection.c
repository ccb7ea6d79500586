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
#include <linux/delay.h>
#include <linux/slab.h>
#include <net/netfilter/nf_conntrack_seqadj.h>
#include <net/netfilter/nf_conntrack_zones.h>

#include "compat.h"
#include "connection.h"
#include "door.h"
#include "natmap.h"

static atomic64_t last_id = ATOMIC64_INIT(0);

static void connection_put(struct nst_connection *c)
{
	struct nst_net *nn = c->nn;

	if (!refcount_dec_and_test(&c->refs))
		return;
	nf_ct_put(c->ct);
	kfree_rcu(c, rcu);
	nst_net_uncharge(nn, sizeof(*c));
	atomic_dec(&nn->nr_conns);
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

/* What a step wants, except the packet's own verdict and c->out.work. */
void nst_connection_act(struct nst_connection *c, struct sk_buff_head *queue)
{
	const struct nst_out *out = &c->out;
	u8 i;

	lockdep_assert_held(&c->lock);
	for (i = 0; i < 2; i++)
		publish(c->ct, i, &out->publish[i]);
	for (i = 0; i < out->nr_emit; i++)
		if (!nst_emit_build(c->nn->net, &c->path[out->emit[i].to],
				    &out->emit[i], queue))
			nst_count(&c->nn->env, NST_R_EMIT_FAILED);
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
	spin_lock(&c->lock);
	if (c->life == NST_LIFE_LIVE) {
		step_timer(&c->core, nst_now(), &c->out);
		nst_connection_act(c, &queue);
		work = c->out.work;
	}
	spin_unlock(&c->lock);
	nst_emit_send(c->nn->net, &queue);
	if (work.first)
		nst_door_work(c->nn, &work);
	connection_put(c);
}

struct nst_connection *nst_connection_alloc(struct nf_conn *ct)
{
	struct nst_net *nn = nst_pernet(nf_ct_net(ct));
	struct nst_connection *c;
	struct nst_natmap *map;

	c = nst_net_charge(nn, sizeof(*c)) ?
	    kzalloc(sizeof(*c), GFP_ATOMIC | __GFP_NOWARN) : NULL;
	if (!c) {
		nst_net_uncharge(nn, sizeof(*c));
		return NULL;
	}
	/* conn_init() copies it; c->out is not in use yet. */
	static_assert(sizeof(*map) <= sizeof(c->out));
	map = (struct nst_natmap *)&c->out;
	nst_tuples_to_map(ct, map);
	conn_init(&c->core, &nn->env, atomic64_inc_return(&last_id),
		  nf_ct_zone(ct)->id, map);
	c->core.owner = ct;
	spin_lock_init(&c->lock);
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
	connection_put(c);
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
	if (!closing && now == link)
		list_add_tail(&c->list, &nn->conns);
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

	if (!nst_emit_build(c->nn->net, &c->path[to], &e, queue))
		nst_count(&c->nn->env, NST_R_EMIT_FAILED);
}

/*
 * A RST counts only with the very number the receiver waits for (RFC 5961 3):
 * what it acknowledged last or, if that is under way, all it was sent.
 */
void nst_connection_reset(struct nst_connection *c, struct sk_buff_head *queue)
{
	u8 to;

	lockdep_assert_held(&c->lock);
	nst_count(&c->nn->env, NST_R_RESET);
	for (to = 0; to < 2; to++) {
		const struct nst_flow *f = &c->core.flow[to];

		reset_at(c, to, f->snd_una, queue);
		if (f->snd_nxt != f->snd_una)
			reset_at(c, to, f->snd_nxt, queue);
	}
	nf_ct_set_closing(&c->ct->ct_general);
}

/* Do bytes acknowledged, or an offset, depend on us in this direction? */
static bool flow_depends(const struct nst_flow *f)
{
	return f->map.after || !seqmap_constant(&f->map) || f->blocks ||
	       (f->hold && f->acked == f->rcv_nxt);
}

/* Without us its bytes would go missing, or come twice, unnoticed. */
static bool must_reset(const struct nst_connection *c)
{
	u8 state = c->ct->proto.tcp.state;

	return (flow_depends(&c->core.flow[0]) || flow_depends(&c->core.flow[1])) &&
	       state >= TCP_CONNTRACK_SYN_RECV && state <= TCP_CONNTRACK_CLOSE_WAIT;
}

static bool make_dead(struct nst_connection *c, struct sk_buff_head *reset)
{
	bool first = c->life != NST_LIFE_DEAD;

	if (!first)
		return false;
	if (reset && c->life == NST_LIFE_LIVE && must_reset(c))
		nst_connection_reset(c, reset);
	c->life = NST_LIFE_DEAD;
	conn_free(&c->core);
	nst_path_drop(&c->path[0]);
	nst_path_drop(&c->path[1]);
	return true;
}

/*
 * The first one to come here drops the reference of the installed pointer.
 * @reset: where RSTs go, NULL if there shall be none
 */
static void connection_kill(struct nst_connection *c, struct sk_buff_head *reset)
{
	bool first;

	spin_lock_bh(&c->lock);
	first = make_dead(c, reset);
	spin_unlock_bh(&c->lock);
	if (!first)
		return;
	list_out(c);
	if (timer_delete(&c->timer))
		connection_put(c);
	connection_put(c);
}

void nst_connection_destroy(struct nf_conn *ct)
{
	struct nst_private *priv = nst_private(ct);
	struct nst_connection *c;
	struct sk_buff_head reset;
	unsigned long link;

	if (!priv)
		return;
	/* Until it is known what has become of it nothing passes. */
	link = xchg(&priv->link, NST_LINK_DEAD | NST_LINK_RESET);
	dst_release(nst_link_route(link));
	c = nst_link_connection(link);
	__skb_queue_head_init(&reset);
	if (c)
		connection_kill(c, &reset);
	if (skb_queue_empty(&reset))
		WRITE_ONCE(priv->link, NST_LINK_DEAD);
	nst_emit_send(nf_ct_net(ct), &reset);
}

/* A connection that changed its way is not looked into any more. */
static void check_detour(struct nst_connection *c, const struct nst_packet *p,
			 struct sk_buff_head *queue)
{
	if (c->core.state == NST_CONN_OPAQUE)
		return;
	step_opaque(&c->core, NST_R_OPAQUE_TRAVERSAL, nst_now(), &c->out);
	nst_connection_act(c, queue);
}

static unsigned int segment_locked(struct nst_connection *c, struct nst_packet *p,
				   struct sk_buff_head *queue)
{
	bool routed = nst_packet_detour(p->skb) == NST_R_MAX;
	unsigned int verdict;

	if (c->life == NST_LIFE_HANDOVER)
		return NF_DROP;
	if (!routed)
		check_detour(c, p, queue);
	if (conn_wants_payload(&c->core, p->seg.dir) && !nst_packet_payload(p)) {
		nst_count(&c->nn->env, NST_R_SEG_NOMEM);
		return NF_DROP;
	}
	step_segment(&c->core, &p->seg, nst_now(), &c->out);
	verdict = nst_packet_apply(p, &c->out);
	if (routed)
		nst_path_learn(&c->path[p->seg.dir], p);
	nst_connection_act(c, queue);
	return verdict;
}

unsigned int nst_connection_segment(struct nst_connection *c, struct nst_packet *p)
{
	unsigned int verdict = NF_ACCEPT;
	struct nst_work work = { NULL };
	struct nst_net *nn = c->nn;
	struct sk_buff_head queue;

	__skb_queue_head_init(&queue);
	spin_lock_bh(&c->lock);
	if (c->life != NST_LIFE_DEAD) {
		c->out.work.first = NULL;
		verdict = segment_locked(c, p, &queue);
		work = c->out.work;
	}
	spin_unlock_bh(&c->lock);
	nst_emit_send(nn->net, &queue);
	if (work.first)
		nst_door_work(nn, &work);
	return verdict;
}

/* Without a helper nobody calls destroy() for it (ctnetlink can do that). */
static bool is_lost(const struct nst_connection *c)
{
	const struct nf_conn_help *help = nfct_help(c->ct);

	return nf_ct_is_dying(c->ct) || !help || !rcu_access_pointer(help->helper);
}

/* Takes one that fits off the list, with a reference. */
static struct nst_connection *pick(struct nst_net *nn,
				   bool (*fits)(const struct nst_connection *c))
{
	struct nst_connection *c, *found = NULL;

	spin_lock_bh(&nn->conns_lock);
	list_for_each_entry(c, &nn->conns, list) {
		if ((!fits || fits(c)) && refcount_inc_not_zero(&c->refs)) {
			list_del_init(&c->list);
			found = c;
			break;
		}
	}
	spin_unlock_bh(&nn->conns_lock);
	return found;
}

void nst_connections_each(struct nst_net *nn,
			  void (*fn)(struct nst_connection *c, struct sk_buff_head *queue))
{
	struct nst_connection *c;
	struct sk_buff_head queue;

	__skb_queue_head_init(&queue);
	spin_lock_bh(&nn->conns_lock);
	list_for_each_entry(c, &nn->conns, list) {
		spin_lock(&c->lock);
		fn(c, &queue);
		spin_unlock(&c->lock);
	}
	spin_unlock_bh(&nn->conns_lock);
	local_bh_disable();
	nst_emit_send(nn->net, &queue);
	local_bh_enable();
}

static void forget(struct nst_connection *c)
{
	struct nst_private *priv = nst_private(c->ct);

	if (priv)
		cmpxchg(&priv->link, (unsigned long)c, NST_LINK_DEAD);
	connection_kill(c, NULL);
	connection_put(c);
}

void nst_connections_reap(struct nst_net *nn)
{
	struct nst_connection *c;

	while ((c = pick(nn, is_lost)))
		forget(c);
}

void nst_connections_kill(struct nst_net *nn)
{
	struct nst_connection *c;

	spin_lock_bh(&nn->conns_lock);
	nn->closing = true;
	spin_unlock_bh(&nn->conns_lock);
	while ((c = pick(nn, NULL)))
		forget(c);
	/* A timer that is just running is the last one to let go. */
	while (atomic_read(&nn->nr_conns))
		msleep(20);
}
