/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TRAFFIC_TEXT_H
#define TRAFFIC_TEXT_H

#define TEXT_MAX 1400

enum kind { INVITE, INVITE_OK, ACK, BYE, BYE_OK, PEER_BYE, PEER_BYE_OK, NR_KINDS };

/**
 * struct who - the phone as one side of the NAT knows it
 * @host: address, in brackets where it is an IPv6 one
 * @addr: the same without brackets
 * @port: TCP port of the connection
 */
struct who {
	char host[48];
	char addr[48];
	int port;
};

/**
 * struct talk - what a message needs to know beside the phone
 * @peer: the other end
 * @id: number of the call
 * @v6: the connection's family
 */
struct talk {
	const struct who *peer;
	unsigned int id;
	int v6;
};

extern const char * const kind_name[NR_KINDS];

/** text_render - a message that speaks of @phone; its length */
int text_render(char *buf, enum kind kind, const struct talk *talk, const struct who *phone);

#endif
