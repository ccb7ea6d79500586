# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# The machine of the debug kernel, sourced by boot: User Mode Linux, a process of
# the host with one processor, with the host's directories as file systems.

machine_conf()
{
	echo "$work" >"$work/cpio/guest/hostfs"
}

machine()
{
	local n i=1 fd as=()
	# It is to write files as whoever called sudo.
	[ "${SUDO_UID:-0}" = 0 ] ||
		as=(setpriv --reuid "$SUDO_UID" --regid "$SUDO_GID" --clear-groups)
	mkdir -m 1777 "$work/tmp"
	# Its memory is a file there, which must not be on a noexec mount.
	export TMPDIR=$work/tmp
	cmd=("${as[@]}" "$boot/linux" "mem=${VM_MEM}M" "initrd=$work/initrd"
		"uml_dir=$work/tmp" umid=nsip noreboot stderr=1
		rdinit=/init console=ttyS0 loglevel=5 log_buf_len=4M
		panic=-1 panic_on_warn=1 oops=panic
		rcupdate.rcu_cpu_stall_timeout=60 rcupdate.rcu_expedited=1)
	exec {fd}>>"$work/console"
	cmd+=("ssl0=null,fd:$fd")
	for n in ctl out err klog; do
		exec {fd}>>"$work/$n"
		cmd+=("ssl$i=null,fd:$fd")
		i=$((i + 1))
	done
	# Others it would try to act on, in any context, and complain of that.
	stop=KILL
	[ -z "$VM_SHELL" ] || cmd+=("con1=fd:0,fd:1")
}
