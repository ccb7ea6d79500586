// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inside hosts: who shares are counted for.  A host is known while anything is
 * charged to it, so they are never more than connections and calls.
 */
#include "memory.h"
#include "netns.h"

static struct hlist_head *bucket_of(struct nst_net *nn, const struct nst_addr *addr,
				    u16 zone)
{
	struct {
		u8 ip[16];
		u32 family;
		u32 zone;
	} k = { .family = addr->family, .zone = zone };

	memcpy(k.ip, addr->ip, addr->family == 6 ? 16 : 4);
	return &nn->mem.hosts[(u32)nst_hash(&nn->env, &k, sizeof(k)) % NST_HOST_BUCKETS];
}

static struct nst_inside *find(const struct hlist_head *bucket,
			       const struct nst_addr *addr, u16 zone)
{
	struct nst_inside *host;

	hlist_for_each_entry(host, bucket, node)
		if (host->zone == zone && addr_equal(&host->addr, addr))
			return host;
	return NULL;
}

struct nst_inside *nst_inside_find(struct nst_net *nn, const struct nst_addr *addr,
				   u16 zone)
{
	lockdep_assert_held(&nn->mem.lock);
	return find(bucket_of(nn, addr, zone), addr, zone);
}

static struct nst_inside *add(struct nst_net *nn, struct hlist_head *bucket,
			      const struct nst_addr *addr, u16 zone)
{
	struct nst_inside *host = nst_alloc(nn, NULL, sizeof(*host), NST_CLAIM_SMALL);

	if (!host)
		return NULL;
	memset(host, 0, sizeof(*host));
	host->nn = nn;
	host->addr = *addr;
	host->zone = zone;
	INIT_LIST_HEAD(&host->over);
	nst_ranks_init(&host->holders);
	hlist_add_head(&host->node, bucket);
	return host;
}

struct nst_host *nst_ops_host_get(struct nst_env *env, const struct nst_addr *inside,
				  u16 zone)
{
	struct nst_net *nn = nst_net_of(env);
	struct hlist_head *bucket = bucket_of(nn, inside, zone);
	struct nst_inside *host;

	spin_lock_bh(&nn->mem.lock);
	host = find(bucket, inside, zone) ?: add(nn, bucket, inside, zone);
	if (host)
		host->refs++;
	spin_unlock_bh(&nn->mem.lock);
	return host ? &host->host : NULL;
}

void nst_inside_hold(struct nst_inside *host)
{
	if (!host)
		return;
	spin_lock_bh(&host->nn->mem.lock);
	host->refs++;
	spin_unlock_bh(&host->nn->mem.lock);
}

void nst_inside_put(struct nst_inside *host)
{
	struct nst_net *nn;
	bool last;

	if (!host)
		return;
	nn = host->nn;
	spin_lock_bh(&nn->mem.lock);
	last = !--host->refs;
	if (last) {
		hlist_del(&host->node);
		list_del(&host->over);
	}
	spin_unlock_bh(&nn->mem.lock);
	if (last)
		nst_free(nn, NULL, host);
}

void nst_ops_host_put(struct nst_env *env, struct nst_host *host)
{
	if (host)
		nst_inside_put(nst_inside_of(host));
}
