#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds and removes the little networks that the tests run in, one kernel, a
# namespace per host; every command is echoed, so that the log can be replayed.
#
#	phone1 eth0 ---- in1 .        . out1 ---- eth0 peer1
#	                      router
#	phone2 eth0 ---- in2 '        ' out2 ---- eth0 peer2
#
#	phoneN	192.168.122.(2+N)	fd00:122::(2+N)
#	router	192.168.122.1		fd00:122::1	inside
#		10.1.1.1		2001:db8:1::1	outside, NAT to these
#	peerN	10.1.1.(9+N)		2001:db8:1::(9+N), with no route to the inside
#
# Sourced by scripts, or run: lib.sh FUNCTION [ARGUMENT]...  Settings:
#	NSIP_ID		names of this network, unique
#	HELPER		ours (default), in-tree, none
#	ATTACH		ports (router is the initial namespace), nft, iptables, none
#	SIP_PORTS	5060, or a comma list
#	PHONES, PEERS	1
#	NAT		masquerade (default), snat, random, forward (and port 5060 of
#			the public address to phone1), none
#	NFT_FAMILY, NFT_HOOK, NFT_PRIO	inet prerouting filter: where the rule stands
#	IN4 IN6 OUT4 OUT6	networks without their last number
#	ROUTER_IN, ROUTER_OUT	last number of the router's addresses
#	TIMERS		calm (default): a slow machine must not look like a lossy
#			network: no retransmission before two seconds, no tail loss
#			probes; real: as the kernel has them
#	OFFLOAD		on (default) or off: segmentation, checksums, on all links
#	IN_TREE		parameters of nf_conntrack_sip, "NAME=VALUE ..."

: "${NSIP_ID:=n$$}" "${HELPER:=ours}" "${ATTACH:=nft}" "${SIP_PORTS:=5060}"
: "${PHONES:=1}" "${PEERS:=1}" "${NAT:=masquerade}" "${OFFLOAD:=on}"
: "${NFT_FAMILY:=inet}" "${NFT_HOOK:=prerouting}" "${NFT_PRIO:=filter}"
: "${IN4:=192.168.122}" "${IN6:=fd00:122:}" "${OUT4:=10.1.1}" "${OUT6:=2001:db8:1:}"
: "${ROUTER_IN:=1}" "${ROUTER_OUT:=1}" "${TIMERS:=calm}" "${IN_TREE:=}"

KSFT_FAIL=1 KSFT_SKIP=4

skip()
{
	echo "# SKIP $*"
	exit $KSFT_SKIP
}

die()
{
	echo "# $*"
	exit $KSFT_FAIL
}

need()
{
	local c
	for c; do
		command -v "$c" >/dev/null || skip "no $c here"
	done
}

run()
{
	echo "# $*"
	"$@"
}

# Runs in a host of this network: phone1, peer1, router ...
at()
{
	local host=$1
	shift
	if [ "$host" = router ] && [ "$ATTACH" = ports ]; then
		"$@"
	else
		ip netns exec "$NSIP_ID-$host" "$@"
	fi
}

# Many ip commands for one host in one process; lines from stdin.
batch()
{
	local host=$1 lines
	lines=$(sed 's/^[[:space:]]*//')
	echo "# $host: ip ${lines//$'\n'/$'\n'# $host: ip }"
	at "$host" ip -batch - <<<"$lines" || die "$host: ip failed"
}

router_is_initial()
{
	[ "$ATTACH" = ports ]
}

# All hosts and links, in one process: lines for ip -batch.
create()
{
	local where=$NSIP_ID-router i
	if router_is_initial; then
		where=1
	else
		echo "netns add $where"
	fi
	for i in $(hosts); do
		echo "netns add $NSIP_ID-${i#*:}"
		echo "link add $NSIP_ID-${i%:*} netns $where type veth peer name eth0 netns $NSIP_ID-${i#*:}"
	done
}

# Links as ROUTERDEV:HOST.
hosts()
{
	local i
	for ((i = 1; i <= PHONES; i++)); do
		echo in$i:phone$i
	done
	for ((i = 1; i <= PEERS; i++)); do
		echo out$i:peer$i
	done
}

# Sets net4, net6, last and r for a link of hosts().
addresses()
{
	local n=${1//[^0-9]/}
	case $1 in
	in*)	net4=$IN4 net6=$IN6 last=$((n + 2)) r=$ROUTER_IN ;;
	out*)	net4=$OUT4 net6=$OUT6 last=$((n + 9)) r=$ROUTER_OUT ;;
	esac
}

host_up()	# LINK HOST
{
	local net4 net6 last r quiet='' probes=3
	addresses "$1"
	[ "$TIMERS" != calm ] || quiet="rto_min 2s" probes=0
	# shellcheck disable=SC2016
	at "$2" sh -c 'cd /proc/sys/net; echo $0 >ipv4/tcp_early_retrans
		for i in all default; do echo 0 >ipv4/conf/$i/rp_filter; done
		for i in all default eth0; do echo 0 >ipv6/conf/$i/accept_dad; done' $probes
	batch "$2" <<-END
		link set lo up
		link set eth0 up
		addr add $net4.$last/32 dev eth0
		addr add $net6:$last/128 dev eth0 nodad
		route add $net4.$r dev eth0 $quiet
		route add $net6:$r/128 dev eth0 $quiet
		$([ "${1#in}" = "$1" ] || echo "route add default via $net4.$r $quiet")
		$([ "${1#in}" = "$1" ] || echo "route add default via $net6:$r dev eth0 $quiet")
	END
}

router_up()
{
	local l dev net4 net6 last r
	for l in $(hosts); do
		dev=$NSIP_ID-${l%:*}
		addresses "${l%:*}"
		echo "link set $dev up
			addr add $net4.$r peer $net4.$last/32 dev $dev
			addr add $net6:$r/128 dev $dev nodad
			route add $net6:$last/128 dev $dev"
	done | batch router
}

no_offload()
{
	local l
	for l in $(hosts); do
		at router ethtool -K "$NSIP_ID-${l%:*}" tso off gso off tx off rx off
		at "${l#*:}" ethtool -K eth0 tso off gso off tx off rx off
	done >/dev/null
}

nat_rules()
{
	case $NAT in
	masquerade | forward)
			echo masquerade ;;
	random)		echo "masquerade random" ;;
	snat)		echo "meta nfproto ipv4 snat ip to $OUT4.$ROUTER_OUT"
			echo "meta nfproto ipv6 snat ip6 to $OUT6:$ROUTER_OUT" ;;
	esac | sed "s/^/oifname \"$NSIP_ID-out*\" /"
}

forward_rules()
{
	[ "$NAT" = forward ] || return
	echo "iifname \"$NSIP_ID-out*\" tcp dport 5060 dnat ip to $IN4.3"
	echo "iifname \"$NSIP_ID-out*\" tcp dport 5060 dnat ip6 to $IN6:3"
}

helper_type()
{
	case $HELPER in
	ours)		echo sip_tcp ;;
	in-tree)	echo sip ;;
	esac
}

rules()
{
	cat <<-END
		table inet $NSIP_ID {
		  counter invalid { }
		  chain valid {
		    type filter hook prerouting priority -150;
		    iifname "$NSIP_ID-*" ct state invalid counter name invalid
		  }
		  chain forward {
		    type filter hook forward priority filter + 10; policy accept;
		    iifname "$NSIP_ID-in*" accept
		    iifname "$NSIP_ID-out*" ct state established,related accept
		    iifname "$NSIP_ID-out*" ct status dnat accept
		    iifname "$NSIP_ID-out*" drop
		  }
		  chain nat_in {
		    type nat hook prerouting priority dstnat;
		    $(forward_rules)
		  }
		  chain nat_out {
		    type nat hook postrouting priority srcnat;
		    $(nat_rules)
		  }
		}
	END
	[ -n "$(helper_type)" ] && [ "$ATTACH" = nft ] || return 0
	cat <<-END
		table $NFT_FAMILY $NSIP_ID-helper {
		  ct helper sip { type "$(helper_type)" protocol tcp; }
		  chain helper {
		    type filter hook $NFT_HOOK priority $NFT_PRIO;
		    tcp dport { $SIP_PORTS } ct helper set "sip"
		  }
		}
	END
}

attach_iptables()
{
	local ipt
	for ipt in iptables ip6tables; do
		echo "# router: $ipt -t raw -A PREROUTING -p tcp --dport ${SIP_PORTS%%,*} -j CT --helper $(helper_type)"
		at router $ipt -t raw -A PREROUTING -p tcp --dport "${SIP_PORTS%%,*}" \
			-j CT --helper "$(helper_type)" || die "no iptables CT target"
	done
}

# Our module, anew, so that it knows of no call of an earlier test; what still
# holds it is a namespace on its way out.
load_ours()
{
	local i
	for ((i = 0; i < 100; i++)); do
		[ -d /sys/module/nf_nat_sip_tcp ] || break
		rmmod nf_nat_sip_tcp 2>/dev/null && break
		sleep 0.05
	done
	[ ! -d /sys/module/nf_nat_sip_tcp ] || die "nf_nat_sip_tcp does not unload"
	run modprobe nf_nat_sip_tcp "$@" || die "no nf_nat_sip_tcp for $(uname -r)"
}

# It reads its parameters when they are needed.
set_in_tree()
{
	local setting
	for setting in $IN_TREE; do
		echo "# nf_conntrack_sip: $setting"
		echo "${setting#*=}" >"/sys/module/nf_conntrack_sip/parameters/${setting%%=*}" ||
			die "nf_conntrack_sip has no $setting"
	done
}

load_helper()
{
	case $HELPER in
	ours)
		if [ "$ATTACH" = ports ]; then
			load_ours "ports=$SIP_PORTS"
		else
			run modprobe nf_nat_sip_tcp || die "no nf_nat_sip_tcp for $(uname -r)"
		fi ;;
	in-tree)
		# The nft object loads the first one only, and rewrites nothing.
		run modprobe -a nf_conntrack_sip nf_nat_sip ||
			skip "no in-tree SIP helper in $(uname -r)"
		set_in_tree ;;
	esac
}

router_sysctl()
{
	at router sh -c 'cd /proc/sys/net
		echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding
		echo 0 >ipv4/icmp_ratelimit; echo 0 >ipv6/icmp/ratelimit
		echo 0 >netfilter/nf_conntrack_tcp_be_liberal
		echo 1 >netfilter/nf_conntrack_acct
		echo 0 >ipv6/conf/all/accept_dad; echo 0 >ipv6/conf/default/accept_dad
		[ ! -e netfilter/nf_conntrack_helper ] || echo 0 >netfilter/nf_conntrack_helper' || die "no conntrack"
	echo "# router: ip_forward=1 nf_conntrack_tcp_be_liberal=0"
}

lab_up()
{
	local i
	need ip nft conntrack ethtool
	[ "$(id -u)" = 0 ] || skip "needs root"
	if router_is_initial && [ ! -d /run/guest ] && [ -z "${NSIP_INITIAL_NS-}" ]; then
		skip "this machine itself would be the router: run it by vm/run, or set NSIP_INITIAL_NS=1"
	fi
	modprobe -aq nf_conntrack nf_nat nft_chain_nat nf_conntrack_netlink veth
	load_helper
	create | sed 's/^/# ip /'
	create | ip -batch - || skip "no network namespaces, or no veth"
	router_sysctl
	router_up
	for i in $(hosts); do
		host_up "${i%:*}" "${i#*:}"
	done
	[ "$OFFLOAD" = on ] || no_offload
	rules | sed 's/^/# router: nft: /'
	rules | at router nft -f - || die "nft refused"
	[ "$ATTACH" != iptables ] || [ -z "$(helper_type)" ] || attach_iptables
}

lab_down()
{
	local n d
	if router_is_initial; then
		nft delete table inet "$NSIP_ID" 2>/dev/null
		nft delete table "$NFT_FAMILY" "$NSIP_ID-helper" 2>/dev/null
		for d in /sys/class/net/"$NSIP_ID"-*; do
			[ ! -e "$d" ] || ip link del "${d##*/}"
		done
		conntrack -F 2>/dev/null
		conntrack -F expect 2>/dev/null
	fi
	for n in $(ip netns list | sed -n "s/^\($NSIP_ID-[^ ]*\).*/\1/p"); do
		ip netns del "$n"
	done
	# A namespace goes in the background, and with it what pins a module.
	for ((n = 0; n < 100; n++)); do
		ip netns list | grep -q "^$NSIP_ID-" || break
		sleep 0.05
	done
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	"$@"
fi
