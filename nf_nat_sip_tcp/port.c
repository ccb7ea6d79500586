// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which ports a door may lead to, and which public ports it may take.
 */
#include <linux/rcupdate.h>
#include <net/ip.h>
#include <net/sock.h>
#include <net/udp.h>

#include "gate.h"

/* Public ports other than the inside one come from here; even bounds. */
#define PORT_FIRST 10000
#define PORT_LAST 65000

/* Ports tried before there is "none free". */
#define PORT_TRIES 128

/*
 * Services above 1023 that are usually meant for the inside alone.  A message
 * that names one of them as its media port is an attack on it or a mistake
 * (NAT slipstreaming), whatever protocol the service is known for.
 */
static const u16 denied[] = {
	1194, 1433, 1434, 1521, 1701, 1812, 1813, 1900, 2049, 2375, 3128, 3306,
	3389, 3702, 4500, 4789, 5060, 5061, 5353, 5355, 5432, 5555, 5900, 6081,
	6379, 8080, 8443, 9100, 9200, 11211, 27017, 51820,
};

bool port_denied(u16 port)
{
	unsigned int i;

	if (port < 1024)
		return true;
	for (i = 0; i < ARRAY_SIZE(denied); i++)
		if (denied[i] == port)
			return true;
	return false;
}

/*
 * Unconnected sockets only: packets for a connected one belong to a flow that
 * conntrack knows, and it looks for expectations only where it knows none.
 */
static bool socket_there(struct net *net, const struct gate_key *key)
{
	struct sock *sk = NULL;

#if IS_ENABLED(CONFIG_NF_TPROXY_IPV4) || IS_ENABLED(CONFIG_NF_SOCKET_IPV4)
	if (key->l3num == NFPROTO_IPV4)
		sk = udp4_lib_lookup(net, 0, 0, key->addr.ip, key->port, 0);
#endif
#if IS_ENABLED(CONFIG_IPV6) && \
	(IS_ENABLED(CONFIG_NF_TPROXY_IPV6) || IS_ENABLED(CONFIG_NF_SOCKET_IPV6))
	if (key->l3num == NFPROTO_IPV6)
		sk = udp6_lib_lookup(net, &in6addr_any, 0, &key->addr.in6,
				     key->port, 0);
#endif
	if (!sk)
		return false;
	sock_put(sk);
	return true;
}

bool port_usable(const struct nst_net *nn, const struct gate_key *key)
{
	u16 port = ntohs(key->port);

	return !port_denied(port) && !inet_is_local_reserved_port(nn->net, port) &&
	       !gate_by_public(nn, key) && !socket_there(nn->net, key);
}

u16 port_candidate(const struct nst_reserve *req, unsigned int nr, u32 start)
{
	const u32 step = req->pair ? 2 : 1;
	const u32 range = PORT_LAST - PORT_FIRST;
	u32 port;

	/* Peers that look at the port alone see what they would without NAT. */
	if (nr == 0)
		return req->inside.port;
	if (nr >= PORT_TRIES)
		return 0;
	port = start % range + (nr - 1) * max_t(u32, step, req->count);
	port = PORT_FIRST + port % range;
	if (req->pair && (port & 1) != (req->inside.port & 1))
		port++;
	return port;
}
