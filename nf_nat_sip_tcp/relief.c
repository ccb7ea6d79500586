// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory is taken back before it is all gone, and from who holds most (P5).
 *
 * Whoever asks for memory near a limit wakes the relief, and is refused, or
 * served from what is kept for that.  The relief makes the largest holders
 * opaque, the oldest of them first: what they hold goes out as it is.  Once
 * that has been delivered, such a connection is left to conntrack, and its
 * object goes, too.  If the receiver does not take it, both ends are reset.
 *
 * Holders are in lists by what they hold: up to what each may hold for sure, up
 * to twice that, and so on.  A connection is moved up when it grows; that it has
 * shrunk, or holds something else by now, is seen when it is looked at.
 */
#include <linux/jiffies.h>

#include "connection.h"
#include "memory.h"
#include "netns.h"

/* Memory is taken back down to so many eighths of a limit. */
#define RELIEF_GOAL (NST_CLAIM_LARGE - 1)

/* Less than a block: the room for a few records alone. */
#define WORTH_IT 256

/* Connections that one run looks at. */
#define BUDGET 512

/* Of them, those that take a grace period each run. */
#define HANDOVERS 32

/* Time for a receiver to take what its connection held. */
#define DELIVERY (2 * MSEC_PER_SEC)

/* When to try again where nothing was found. */
#define RETRY (HZ / 10)

/**
 * struct relief - one run
 * @nn: namespace
 * @budget: connections that may still be looked at
 * @done: how many have given, or are about to give, something back
 * @coming: how many bytes are on their way
 * @nr: number of @handover
 * @handover: connections whose offset is left to conntrack, with references
 */
struct relief {
	struct nst_net *nn;
	unsigned int budget;
	unsigned int done;
	unsigned long coming;
	unsigned int nr;
	struct nst_connection *handover[HANDOVERS];
};

void nst_ranks_init(struct nst_ranks *ranks)
{
	unsigned int i;

	for (i = 0; i < NST_RANKS; i++)
		INIT_LIST_HEAD(&ranks->list[i]);
}

/*
 * 0: not worth the trouble; 1: no more than everybody has a right to, so that
 * of them only age counts; 2: up to twice that ...
 */
static u8 rank_of(const struct nst_connection *c)
{
	u32 used = READ_ONCE(c->core.account.used);

	if (used <= NST_GUARANTEE)
		return used >= WORTH_IT;
	return min(fls((used - 1) / NST_GUARANTEE) + 1, NST_RANKS);
}

static void relist(struct nst_connection *c, u8 rank)
{
	struct nst_mem *mem = &c->nn->mem;

	lockdep_assert_held(&mem->lock);
	list_del_init(&c->by_net);
	list_del_init(&c->by_host);
	if (rank == NST_RANK_OPAQUE) {
		list_add_tail(&c->by_net, &mem->opaque);
	} else if (rank) {
		list_add_tail(&c->by_net, &mem->holders.list[rank - 1]);
		list_add_tail(&c->by_host, &c->host->holders.list[rank - 1]);
	}
	WRITE_ONCE(c->rank, rank);
	c->ranked = nst_now();
	if (rank)
		WRITE_ONCE(mem->hopeless, false);
}

/* Its memory comes back when the receiver has taken what it held. */
static void note_coming(struct relief *r, const struct nst_connection *c)
{
	u32 bytes = nst_connection_mem(c);

	r->done++;
	r->coming += bytes;
	if (c->host->run != r->nn->mem.run)
		c->host->coming = 0;
	c->host->run = r->nn->mem.run;
	c->host->coming += bytes;
}

void nst_rank(struct nst_connection *c)
{
	u8 rank = c->core.state == NST_CONN_OPAQUE ? NST_RANK_OPAQUE : rank_of(c);

	lockdep_assert_held(&c->lock);
	if (rank <= READ_ONCE(c->rank))
		return;
	spin_lock_bh(&c->nn->mem.lock);
	relist(c, rank);
	spin_unlock_bh(&c->nn->mem.lock);
}

void nst_rank_out(struct nst_connection *c)
{
	spin_lock_bh(&c->nn->mem.lock);
	relist(c, 0);
	spin_unlock_bh(&c->nn->mem.lock);
}

/* The oldest of the largest; with a reference, and among the opaque from now on. */
static struct nst_connection *pick(struct relief *r, struct nst_inside *host)
{
	struct nst_ranks *ranks = host ? &host->holders : &r->nn->mem.holders;
	struct nst_connection *c, *found = NULL;
	int i = NST_RANKS;

	spin_lock_bh(&r->nn->mem.lock);
	while (i && r->budget && !found) {
		struct list_head *list = &ranks->list[i - 1];

		if (list_empty(list)) {
			i--;
			continue;
		}
		r->budget--;
		c = host ? list_first_entry(list, struct nst_connection, by_host) :
			   list_first_entry(list, struct nst_connection, by_net);
		/* Who holds something else by now is not an old holder. */
		if (rank_of(c) < i || !conn_holds_since(&c->core, c->ranked)) {
			relist(c, rank_of(c));
			continue;
		}
		relist(c, NST_RANK_OPAQUE);
		if (refcount_inc_not_zero(&c->refs))
			found = c;
	}
	spin_unlock_bh(&r->nn->mem.lock);
	return found;
}

static void send(struct nst_net *nn, struct sk_buff_head *queue)
{
	local_bh_disable();
	nst_emit_send(nn->net, queue);
	local_bh_enable();
}

static void make_opaque(struct relief *r, struct nst_connection *c, enum nst_reason reason)
{
	struct sk_buff_head queue;

	__skb_queue_head_init(&queue);
	nst_connection_lock(c);
	if (c->life == NST_LIFE_LIVE && c->core.state != NST_CONN_OPAQUE) {
		note_coming(r, c);
		step_opaque(&c->core, reason, nst_now(), c->out);
		nst_connection_act(c, &queue);
	}
	nst_connection_unlock(c);
	send(r->nn, &queue);
	nst_connection_put(c);
}

static void relieve_host(struct relief *r, struct nst_inside *host)
{
	struct nst_connection *c;

	if (host->run != r->nn->mem.run)
		host->coming = 0;
	while (nst_host_near(host, RELIEF_GOAL, host->coming) && (c = pick(r, host)))
		make_opaque(r, c, NST_R_OPAQUE_SHARE);
}

static struct nst_inside *next_over(struct nst_net *nn)
{
	struct nst_inside *host;

	spin_lock_bh(&nn->mem.lock);
	host = list_first_entry_or_null(&nn->mem.over, struct nst_inside, over);
	if (host) {
		list_del_init(&host->over);
		host->refs++;
	}
	spin_unlock_bh(&nn->mem.lock);
	return host;
}

/* Return: is there a host that has still too much? */
static bool relieve_hosts(struct relief *r)
{
	struct nst_inside *host;
	bool over = false;

	while (!over && (host = next_over(r->nn))) {
		relieve_host(r, host);
		over = nst_host_near(host, NST_CLAIM_LARGE, 0);
		if (over)
			nst_relief_want(r->nn, host);
		nst_inside_put(host);
	}
	return over;
}

static void relieve_net(struct relief *r)
{
	struct nst_connection *c;

	while (nst_mem_near(r->nn, RELIEF_GOAL, r->coming) && (c = pick(r, NULL)))
		make_opaque(r, c, NST_R_OPAQUE_MEM);
}

/* Opaque connections by turns, each once in a run. */
static struct nst_connection *next_opaque(struct relief *r)
{
	struct nst_mem *mem = &r->nn->mem;
	struct nst_connection *c;

	spin_lock_bh(&mem->lock);
	c = list_first_entry_or_null(&mem->opaque, struct nst_connection, by_net);
	if (c && (c->seen == mem->run || !r->budget)) {
		c = NULL;
	} else if (c) {
		r->budget--;
		c->seen = mem->run;
		list_move_tail(&c->by_net, &mem->opaque);
		if (!refcount_inc_not_zero(&c->refs))
			c = NULL;
	}
	spin_unlock_bh(&mem->lock);
	return c;
}

enum fate { STAYS, GOES, RESET, HANDED_OVER };

/* What becomes of an opaque connection; its lock is held. */
static enum fate judge(const struct relief *r, const struct nst_connection *c)
{
	if (c->life != NST_LIFE_LIVE)
		return STAYS;
	if (!conn_quiet(&c->core))
		return nst_now() > c->ranked + DELIVERY ? RESET : STAYS;
	if (!c->core.flow[0].map.after && !c->core.flow[1].map.after)
		return GOES;
	return r->nr < HANDOVERS ? HANDED_OVER : STAYS;
}

static void retire(struct relief *r, struct nst_connection *c)
{
	struct sk_buff_head queue;
	enum fate fate;

	__skb_queue_head_init(&queue);
	nst_connection_lock(c);
	fate = judge(r, c);
	if (fate == RESET) {
		nst_connection_reset(c, &queue);
		WRITE_ONCE(c->life, NST_LIFE_RESET);
	}
	if (fate == HANDED_OVER)
		nst_handover_begin(c, NULL);
	if (c->life != NST_LIFE_DEAD)
		note_coming(r, c);
	nst_connection_unlock(c);
	send(r->nn, &queue);
	if (fate == RESET)
		nst_count(&r->nn->env, NST_R_RESET_MEM);
	if (fate == STAYS) {
		nst_connection_put(c);
	} else if (fate == HANDED_OVER) {
		r->handover[r->nr++] = c;
	} else {
		nst_count(&r->nn->env, NST_R_MEM_RETIRED);
		nst_connection_forget(c, fate == RESET ? NST_LINK_DEAD | NST_LINK_RESET :
				      NST_LINK_DEAD, NULL);
	}
}

/* As in handover.c: no packet may be translated twice, or not at all. */
static void hand_over(struct relief *r)
{
	struct sk_buff_head reset;
	unsigned int i;

	if (!r->nr)
		return;
	__skb_queue_head_init(&reset);
	synchronize_rcu();
	for (i = 0; i < r->nr; i++) {
		nst_connection_lock(r->handover[i]);
		nst_handover_end(r->handover[i], NULL);
		nst_connection_unlock(r->handover[i]);
	}
	synchronize_rcu();
	for (i = 0; i < r->nr; i++) {
		nst_count(&r->nn->env, NST_R_MEM_RETIRED);
		nst_connection_forget(r->handover[i], NST_LINK_DEAD, &reset);
	}
	send(r->nn, &reset);
}

static void relief_run(struct work_struct *work)
{
	struct nst_mem *mem = container_of(to_delayed_work(work), struct nst_mem, relief);
	struct nst_net *nn = container_of(mem, struct nst_net, mem);
	struct relief r = { .nn = nn, .budget = BUDGET };
	struct nst_connection *c;
	bool over;

	mem->run++;
	/* What costs nobody anything comes first. */
	while ((c = next_opaque(&r)))
		retire(&r, c);
	r.budget = BUDGET;
	over = relieve_hosts(&r);
	relieve_net(&r);
	hand_over(&r);
	over |= nst_mem_near(nn, NST_CLAIM_LARGE, 0);
	WRITE_ONCE(mem->hopeless, over && !r.done);
	if (over || (r.done && nst_mem_near(nn, RELIEF_GOAL, 0)))
		queue_delayed_work(system_power_efficient_wq, &mem->relief,
				   r.done ? 1 : RETRY);
	else
		WRITE_ONCE(mem->chosen, false);
}

void nst_relief_init(struct nst_net *nn)
{
	INIT_DELAYED_WORK(&nn->mem.relief, relief_run);
}

void nst_relief_want(struct nst_net *nn, struct nst_inside *host)
{
	if (host && list_empty_careful(&host->over)) {
		spin_lock_bh(&nn->mem.lock);
		if (list_empty(&host->over))
			list_add_tail(&host->over, &nn->mem.over);
		spin_unlock_bh(&nn->mem.lock);
	}
	if (READ_ONCE(nn->mem.live))
		queue_delayed_work(system_power_efficient_wq, &nn->mem.relief, 0);
}

/* Under the lock of the list of namespaces, that is for one run at a time. */
static unsigned long most;

static void find_most(struct nst_net *nn)
{
	if (!READ_ONCE(nn->mem.hopeless))
		most = max(most, nst_pool_used(&nn->mem.pool));
}

static void choose(struct nst_net *nn)
{
	if (nst_pool_used(&nn->mem.pool) < most - most / 8 || READ_ONCE(nn->mem.hopeless))
		return;
	WRITE_ONCE(nn->mem.chosen, true);
	nst_relief_want(nn, NULL);
}

/* The namespaces that have most, where mem_total is near. */
static void total_run(struct work_struct *work)
{
	most = 0;
	nst_net_for_each(find_most);
	nst_net_for_each(choose);
}

static DECLARE_WORK(total_relief, total_run);

void nst_relief_want_total(void)
{
	queue_work(system_power_efficient_wq, &total_relief);
}

void nst_relief_exit(void)
{
	cancel_work_sync(&total_relief);
}
