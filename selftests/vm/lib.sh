# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Shared by prepare, chroot and run: POSIX sh, sourced after $vm was set to the
# directory of these scripts.

# Sets repo, cache, key and bed.  The key names all that a root is made from:
# a changed package list gives another root, not a patched one.
# shellcheck disable=SC2034,SC2154
vm_paths()
{
	repo=$(cd "$vm/../.." && pwd -P)
	cache=${NF_NAT_SIP_TCP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nf_nat_sip_tcp}
	key=$(cat "$vm/packages" "$vm/kernels" "$vm/mkroot" | sha256sum | cut -c1-12)
	bed=$cache/root-$key
}

vm_die()
{
	echo "${0##*/}: $*" >&2
	exit 98
}

# Variables of the caller's environment that sudo and guests are to see.
vm_pass="CI V HELPER KERNEL TERM NSIP_ENV ${NSIP_ENV:-}"

# Runs the calling script again as root where it is not; the cache stays that
# of the caller.
vm_root()
{
	[ "$(id -u)" != 0 ] || return 0
	command -v sudo >/dev/null ||
		vm_die "needs root: run it as root, or install sudo"
	vm_env="NF_NAT_SIP_TCP_CACHE=$cache"
	for vm_v in $vm_pass; do
		eval "vm_x=\${$vm_v-}"
		# shellcheck disable=SC2154
		[ -z "$vm_x" ] || vm_env="$vm_env
$vm_v=$vm_x"
	done
	# Split at line ends only: values may hold blanks.
	vm_ifs=$IFS
	IFS='
'
	set -f
	# shellcheck disable=SC2086
	set -- $vm_env "$0" "$@"
	set +f
	IFS=$vm_ifs
	exec sudo env "$@"
}

# Runs "$@" within the root, in mount and PID name spaces of its own: what it
# leaves running or mounted ends with it, whichever way it ends.  vm_share is
# the host's directory for /share.  The exit status is that of "$@".
vm_enter()
{
	# Held as long as anything of this lives: prepare keeps the root then.
	exec 8<"$bed/ok"
	flock -s 8
	vm_prop=private vm_mnt=$bed/root
	if ! unshare -m true 2>/dev/null; then
		# Within a plain chroot / is no mount point and cannot be made
		# private: what is mounted may be seen from outside, so it is
		# done where it is in nobody's way, and undone.
		vm_prop=unchanged
		vm_mnt=$(mktemp -d "$cache/mnt.XXXXXX")
	fi
	unshare -m --propagation $vm_prop true 2>/dev/null ||
		vm_die "no mount name space to be had: in a container, give it CAP_SYS_ADMIN"
	vm_cwd=$(pwd -P)
	vm_rel=${vm_cwd#"$repo"}
	[ "$vm_rel" != "$vm_cwd" ] || vm_rel=
	exec 7<&0
	# In the background, so that this shell acts on a signal at once;
	# pdeathsig, so that even SIGKILL leaves nothing running.
	setpriv --pdeathsig KILL \
	unshare -m -p -f --kill-child --propagation $vm_prop \
		sh "$vm/enter" "$bed/root" "$vm_mnt" "$repo" "$vm_rel" \
		"$cache" "${vm_share-}" "$@" <&7 7<&- &
	vm_child=$!
	exec 7<&-
	trap 'vm_end=129; kill -KILL $vm_child' HUP
	trap 'vm_end=143; kill -KILL $vm_child' TERM
	# Of a terminal's Ctrl-C the command heard itself.
	trap '[ -t 0 ] || { vm_end=130; kill -KILL $vm_child; }' INT
	vm_end=
	while :; do
		vm_status=0
		wait $vm_child || vm_status=$?
		kill -0 $vm_child 2>/dev/null || break
	done
	if [ $vm_prop = unchanged ]; then
		umount -l "$vm_mnt" 2>/dev/null || :
		rmdir "$vm_mnt" 2>/dev/null || :
	fi
	exit "${vm_end:-$vm_status}"
}
