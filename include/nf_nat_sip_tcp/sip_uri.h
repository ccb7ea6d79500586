/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NF_NAT_SIP_TCP_SIP_URI_H
#define NF_NAT_SIP_TCP_SIP_URI_H

#include "addr.h"

/**
 * struct sip_hostport - host and port as written (RFC 3261 25.1 hostport)
 * @host: host as written, with the brackets of an IPv6 reference
 * @port_text: digits of the port; len 0 where none is written
 * @addr: the numeric address; family 0 for a host name
 * @port: the port, 0 where none is written
 */
struct sip_hostport {
	struct span host;
	struct span port_text;
	struct nst_addr addr;
	u16 port;
};

/**
 * struct sip_uri - a sip: or sips: URI
 * @sips: scheme is sips
 * @user: user part with password; len 0 where there is none
 * @hostport: host and port
 * @params: parameters, from behind the first ';' (or len 0)
 * @headers: from behind the '?' (or len 0)
 */
struct sip_uri {
	bool sips;
	struct span user;
	struct sip_hostport hostport;
	struct span params;
	struct span headers;
};

/**
 * struct sip_value - one value of a header that carries URIs
 * @uri: the URI, without angle brackets
 * @params: header parameters, from behind the first ';'
 * @star: the value is "*" (Contact)
 * @whole: the value as written, without surrounding white space and comma
 */
struct sip_value {
	struct span uri;
	struct span params;
	bool star;
	struct span whole;
};

/**
 * struct sip_via - one Via value (RFC 3261 20.42)
 * @transport: token of the transport ("TCP")
 * @sent_by: host and port
 * @params: from behind the first ';'
 * @branch: value of the branch parameter
 * @received: value of received=, brackets included where written
 * @rport: value of rport=; len 0 where it is written without one or not at all
 * @maddr: value of maddr=
 */
struct sip_via {
	struct span transport;
	struct sip_hostport sent_by;
	struct span params;
	struct span branch;
	struct span received;
	struct span rport;
	struct span maddr;
};

/** sip_default_port - what no port in this URI means (RFC 3261 19.1.2) */
u16 sip_default_port(const char *base, const struct sip_uri *uri);

/** sip_hostport_parse - read host[:port] that fills the span; 0 or -EINVAL */
int sip_hostport_parse(const char *base, struct span s, struct sip_hostport *hp);

/**
 * sip_uri_parse - read a URI that fills the span
 *
 * Return: 0; -EPROTONOSUPPORT where the scheme is another (tel:, urn: ...);
 * -EINVAL where it is sip: or sips: and broken.
 */
int sip_uri_parse(const char *base, struct span s, struct sip_uri *uri);

/**
 * sip_value_next - the next value of a comma list of name-addr / addr-spec
 * @base: start of the message
 * @rest: what is left of the header's value; moved on
 * @v: the value
 *
 * Quoted strings (with escapes) and <...> may hold commas and semicolons.
 * Folding white space may stand wherever the grammar has LWS.
 *
 * Return: 1 with @v filled in, 0 at the end, -EINVAL where it is broken.
 */
int sip_value_next(const char *base, struct span *rest, struct sip_value *v);

/** sip_via_next - the same for a Via header's list */
int sip_via_next(const char *base, struct span *rest, struct sip_via *via);

/** sip_param_find_len - sip_param_find() of a name that is that long */
bool sip_param_find_len(const char *base, struct span params, const char *name, u32 len,
			struct span *value);

/**
 * sip_param_find - value of a parameter in a ;-list
 * @base: start of the message
 * @params: the list, without the first ';'
 * @name: name, any case
 * @value: its value; len 0 where the parameter has none
 *
 * Return: true where the parameter is there.
 */
static __always_inline bool sip_param_find(const char *base, struct span params,
					   const char *name, struct span *value)
{
	return sip_param_find_len(base, params, name, strlen(name), value);
}

#endif
